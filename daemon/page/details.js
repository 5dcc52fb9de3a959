// SPDX-License-Identifier: MIT
/** Beside a large picture: all that is known of its stream. */
import {element, setText} from './dom.js';
import {drawOne} from './plot.js';
import * as text from './text.js';

const ROWS = [
	['State', (t) => `${t.stream.state}, since ${text.clock(t.since)}`],
	['Rate here', (t) => text.rate(t.rate)],
	['Rate published', (t) => text.rate(t.stream.frames_per_second)],
	['Age', (t) => text.age(t.age)],
	['Pixels here', (t) => (t.figures.width > 0 ? text.pixels(t.figures.width, t.figures.height) : '–')],
	['Pixels published', (t) => (t.stream.width > 0 ? text.pixels(t.stream.width, t.stream.height) : '–')],
	['Picture here', (t) => (t.figures.size > 0 ? text.bytes(t.figures.size) : '–')],
	['Bytes here', (t) => `${text.bytes(t.bytesPerSecond)}/s`],
	['Bytes published', (t) => `${text.bytes(t.stream.bytes_per_second)}/s`],
	['Viewers', (t) => String(t.stream.subscribers)],
	['Shown here', (t) => String(t.figures.shown)],
	['Dropped here', (t) => String(t.figures.dropped)],
	['Captured', (t) => (t.figures.timeMs !== null ? text.clock(t.figures.timeMs) : '–')],
	['Publisher', (t) => (t.stream.publisher ? `${t.stream.publisher.kind} ${t.stream.publisher.peer}` : 'none')],
];

export class Details {
	constructor() {
		const rows = [];

		this.values = ROWS.map(([label]) => {
			const value = element('dd');

			rows.push(element('div', {}, element('dt', {}, label), value));
			return value;
		});
		this.plots = [['rate', 'Rate, two minutes'], ['age', 'Age, two minutes']].map(([which, label]) => {
			const top = element('span', {class: 'top'});
			const canvas = element('canvas', {width: '1', height: '1', role: 'img', 'aria-label': label});

			rows.push(element('figure', {}, element('figcaption', {}, label, top), canvas));
			return {which, top, canvas};
		});
		this.message = element('pre', {class: 'message', tabindex: '0'});
		this.messageBox = element('section', {hidden: true}, element('h3', {}, 'Newest message'), this.message);
		this.node = element('aside', {class: 'details'}, element('dl', {}, ...rows.filter((r) => r.tagName === 'DIV')),
			...rows.filter((r) => r.tagName === 'FIGURE'), this.messageBox);
	}

	/** @param {import('./tile.js').Tile} tile */
	render(tile) {
		ROWS.forEach(([, value], i) => setText(this.values[i], value(tile)));
		for (const {which, top, canvas} of this.plots) {
			const value = drawOne(canvas, tile.history, which);

			setText(top, which === 'rate' ? `${value}/s` : text.duration(value));
		}
		this.messageBox.hidden = tile.message === '';
		setText(this.message, pretty(tile.message));
	}
}

function pretty(json) {
	try {
		return JSON.stringify(JSON.parse(json), null, 2);
	} catch {
		return json;
	}
}
