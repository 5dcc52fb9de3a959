// SPDX-License-Identifier: MIT
/** One stream on the page: its picture, what is wrong with it, its figures. */
import {conditionOf} from './condition.js';
import {Details} from './details.js';
import {element, iconButton, relabel, setText} from './dom.js';
import {drawBoth, History} from './plot.js';
import * as text from './text.js';
import {TIME_IS_RELAYS} from './wire.js';

const RATE_OVER = 3; // seconds
const ENOUGH = 3; // pictures that have a rate
const MESSAGE_SHOWN = 500; // characters; large, all of it is there

export class Tile {
	/**
	 * @param {number} id
	 * @param {Object} stream  of `/streams`
	 * @param {{enlarge: function(Tile), pause: function(Tile), save: function(Tile), copy: function(Tile),
	 *     fullScreen: function(Tile)}} on
	 */
	constructor(id, stream, on) {
		this.id = id;
		this.stream = stream;
		this.isVisible = false; // on the screen
		this.asked = null; // the size in which it is watched, as sizeFor() says it
		this.wholeUntil = 0; // ms since 1970: no other size is asked for before
		this.box = {width: 0, height: 0}; // device pixels that its picture has
		this.boxAt = 0; // since when
		this.isFresh = false; // a picture came since then
		this.pausedAt = 0;
		this.refused = '';
		this.offlineSince = 0; // ms since 1970; asleep afterwards, it has not come back
		this.newestAt = null;
		this.since = 0; // when its state began, by this browser's clock
		this.condition = {kind: '', title: '', more: ''};
		this.history = new History();
		this.age = null;
		this.rate = 0;
		this.bytesPerSecond = 0;
		this.figures = {shown: 0, bytes: 0, dropped: 0, rawAge: null, timeMs: null, flags: 0, size: 0, width: 0, height: 0};
		this.message = '';
		this.#build(on);
		this.update(stream, Date.now());
	}

	#shownAt = 0;
	#refusedUntil = 0;
	#usualRate = 0;
	#recent = [];
	#details = null;

	get name() {
		return this.stream.name;
	}

	get isWatched() {
		return this.asked !== null;
	}

	get title() {
		return this.stream.title || this.stream.name;
	}

	#build(on) {
		this.canvas = element('canvas', {class: 'picture', width: '1', height: '1'});
		this.pauseButton = iconButton('pause', 'Pause', () => on.pause(this));
		this.largeButton = iconButton('enlarge', 'Enlarge', () => on.enlarge(this));
		this.veilTitle = element('strong');
		this.veilMore = element('span');
		this.screen = element('div', {class: 'screen', onclick: () => on.enlarge(this)}, this.canvas,
			element('div', {class: 'veil'}, this.veilTitle, this.veilMore),
			element('div', {class: 'tools'}, this.pauseButton, iconButton('save', 'Save the picture', () => on.save(this)),
				iconButton('full', 'Full screen', () => on.fullScreen(this)), this.largeButton));
		this.titleText = element('span', {class: 'title'});
		this.nameText = element('span', {class: 'name'});
		this.plot = element('canvas', {class: 'plot', width: '1', height: '1', title: 'Two minutes of rate (area) and age (line)',
			role: 'img', 'aria-label': 'Two minutes of rate and age'});
		this.cells = Object.fromEntries([['rate', 'Pictures a second, shown here'], ['age', 'Age of the picture when it is shown'],
			['pixels', 'Pixels, shown here of those published'], ['bytes', 'Bytes of a picture, as it comes here'], ['viewers', 'Viewers of the stream'],
			['dropped', 'Pictures that this page did not get']]
			.map(([key, title]) => [key, element('span', {class: `figure ${key}`, title})]));
		this.messageText = element('div', {class: 'message'});
		this.node = element('article', {class: 'tile', role: 'listitem', tabindex: '-1', 'data-name': this.name}, this.screen,
			element('div', {class: 'caption'},
				element('div', {class: 'head'}, element('span', {class: 'dot'}), this.titleText, this.nameText,
					iconButton('copy', 'Copy addresses and commands', () => on.copy(this))),
				element('div', {class: 'row'}, element('div', {class: 'figures'}, ...Object.values(this.cells)), this.plot),
				this.messageText));
	}

	/** @param {Object} stream  as it is now @param {number} now  ms since 1970 */
	update(stream, now) {
		this.stream = stream;
		this.newestAt = stream.unchanged_seconds === null ? null : now - stream.unchanged_seconds * 1000;
		if (stream.state === 'live' || stream.state === 'stale')
			this.offlineSince = 0;
		else if (stream.state === 'offline' && this.offlineSince === 0)
			this.offlineSince = now;
		if (this.refused !== '' && now >= this.#refusedUntil)
			this.refused = '';
		setText(this.titleText, this.title);
		setText(this.nameText, this.title === this.name ? '' : this.name);
	}

	/** It is asked for now: what it shows is old until a picture comes. */
	begin() {
		this.isFresh = false;
		this.refused = '';
	}

	/** @param {string} reason @param {number} until  ms since 1970: it is not asked for again before */
	refuse(reason, until) {
		this.asked = null;
		this.refused = reason;
		this.#refusedUntil = until;
	}

	/** The first picture since it was asked for is drawn. @param {number} now  ms since 1970 */
	first(now) {
		this.isFresh = true;
		this.node.classList.add('has-picture');
		this.#shownAt = now;
	}

	/**
	 * Takes in what the worker has counted; once a second.
	 *
	 * @param {Object} f  a screen's figures
	 * @param {number} now  ms since 1970
	 * @param {number|null} offset  the relay's clock less ours, ms
	 */
	count(f, now, offset) {
		const before = this.#recent[0] ?? {shown: f.shown, bytes: f.bytes, at: now - 1000};
		const last = this.figures.shown;

		this.figures = f;
		this.#recent.push({shown: f.shown, bytes: f.bytes, at: now});
		if (this.#recent.length > RATE_OVER)
			this.#recent.shift();
		if (f.shown !== last)
			this.#shownAt = now;
		const seconds = (now - before.at) / 1000;
		this.rate = (f.shown - before.shown) / seconds;
		if (this.rate > 0 && f.shown >= ENOUGH)
			this.#usualRate += (this.rate - this.#usualRate) / (this.#usualRate === 0 ? 1 : 4);
		this.bytesPerSecond = (f.bytes - before.bytes) / seconds;
		this.age = this.#ageOf(f, now, offset);
		this.history.add(this.isWatched ? this.rate : NaN, this.age);
	}

	/* Of the pictures that came in the last second, else of the one that is still there. */
	#ageOf(f, now, offset) {
		const camera = f.flags & TIME_IS_RELAYS ? 0 : (this.stream.publisher?.clock_offset ?? 0) * 1000;

		if (offset === null || f.timeMs === null || !this.isWatched || !this.isFresh)
			return null;
		return (f.rawAge ?? now - f.timeMs) + offset - camera;
	}

	/**
	 * Shows all of it.
	 *
	 * @param {number} now  ms since 1970
	 * @param {number} awaySince  ms, 0: the relay is there
	 * @param {number} offset  the relay's clock less ours, ms; 0 where it is not known
	 */
	render(now, awaySince, offset) {
		this.since = this.stream.since * 1000 - offset;
		const condition = conditionOf({now, awaySince, refused: this.refused, pausedAt: this.pausedAt, isFresh: this.isFresh,
			shownAt: this.#shownAt, usualRate: this.#usualRate, stream: this.stream, since: this.since, newestAt: this.newestAt});

		if (condition.kind !== this.condition.kind)
			this.node.dataset.kind = condition.kind;
		setText(this.veilTitle, condition.title);
		setText(this.veilMore, condition.more);
		this.condition = condition;
		this.#label();
		if (!this.isVisible)
			return;
		this.#renderFigures();
		drawBoth(this.plot, this.history);
		this.#details?.render(this);
	}

	#label() {
		const {kind, title, more} = this.condition;
		const label = `${this.title}: ${kind === 'live' ? 'live' : `${title}, ${more}`}`;

		if (this.node.getAttribute('aria-label') !== label)
			this.node.setAttribute('aria-label', label);
	}

	#renderFigures() {
		const {size, dropped} = this.figures;
		const s = this.stream;

		setText(this.cells.rate, this.isWatched ? text.rate(this.rate) : text.rate(s.frames_per_second));
		setText(this.cells.age, text.age(this.age));
		setText(this.cells.pixels, this.#pixels());
		setText(this.cells.bytes, size > 0 ? text.bytes(size) : '');
		setText(this.cells.viewers, text.count(s.subscribers, 'viewer'));
		setText(this.cells.dropped, `${dropped} dropped`);
	}

	/* Of the picture that is here, and of what is published where that is more. */
	#pixels() {
		const {width, height} = this.figures;
		const published = this.stream.width > 0 ? text.pixels(this.stream.width, this.stream.height) : '';

		if (width === 0)
			return published;
		return text.pixels(width, height) + (width < this.stream.width ? ` of ${published}` : '');
	}

	/** @param {string} json  the newest MESSAGE of the stream */
	say(json) {
		this.message = json;
		setText(this.messageText, json.slice(0, MESSAGE_SHOWN));
		this.messageText.title = json.slice(0, MESSAGE_SHOWN);
	}

	setPaused(at) {
		this.pausedAt = at;
		relabel(this.pauseButton, at !== 0 ? 'play' : 'pause', at !== 0 ? 'Go on' : 'Pause');
	}

	/** Large: it has the page to itself, and says all it knows. */
	setLarge(isLarge) {
		this.node.classList.toggle('large', isLarge);
		relabel(this.largeButton, isLarge ? 'close' : 'enlarge', isLarge ? 'Back to all' : 'Enlarge');
		if (isLarge && this.#details === null) {
			this.#details = new Details();
			this.node.append(this.#details.node);
		} else if (!isLarge && this.#details !== null) {
			this.#details.node.remove();
			this.#details = null;
		}
	}
}
