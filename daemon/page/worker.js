// SPDX-License-Identifier: MIT
/**
 * Everything that pictures pass through, off the page's own thread: the WebSocket, decoding, drawing.
 *
 * A picture's bytes never leave this worker but to be saved. The relay sends a channel's next picture only when the
 * last one is acknowledged, and that happens when it is drawn: whoever is slow gets fewer pictures, never older ones.
 *
 * From the page: {do: 'connect', base} first, then {do: 'add', id, name, canvas}, {do: 'watch', id, width}, again with
 * another width, 'rest', 'hold', 'remove', 'save' with an id, {do: 'size', id, width, height}, {do: 'hurry'}.
 * To the page: {is: 'open'}, {is: 'away', wait}, {is: 'first', id}, {is: 'figures', clock, screens},
 * {is: 'message', id, text}, {is: 'news'}, {is: 'unsized', id}, {is: 'refused', id, code, reason},
 * {is: 'picture', id, blob, timeMs}.
 */
import {RelayClock} from './clock.js';
import {Link} from './link.js';
import {Screen} from './screen.js';
import {ERROR, FRAME, MESSAGE, PONG, readPong, readRecord} from './wire.js';

const LOOK_EVERY = 1000;
const CHANNELS = 65535; // 1 … 65535
const MESSAGE_WORDS = '"message":'; // in front of a message's own text; behind it is a brace
const ANSWER_WITHIN = 8000;
const LONGEST_AGE = 3_600_000; // ms

/* No smaller picture is to be had: too many are made, this one cannot be, or there is no room for two subscriptions. */
const NOT_SIZED = [415, 429, 503];

const screens = new Map(); // by id
const channels = new Map(); // by channel: those that are subscribed
const clock = new RelayClock();
const utf8 = new TextDecoder();
let link = null;
let base = null;
let lastChannel = 0;

function say(message) {
	link.send(JSON.stringify(message));
}

function nextChannel() {
	do
		lastChannel = lastChannel % CHANNELS + 1;
	while (channels.has(lastChannel));
	return lastChannel;
}

function subscribe(screen) {
	if (!link.isOpen || screen.channel !== 0)
		return;
	screen.begin(nextChannel());
	channels.set(screen.channel, screen);
	say({subscribe: screen.name, channel: screen.channel, ack: true, ...screen.width !== 0 && {width: screen.width}});
}

/* The new one first: so nobody has to think that the stream is not watched any more. What is there stays until it comes. */
function resize(screen, width) {
	const channel = screen.channel;

	screen.width = width;
	if (channel === 0)
		return;
	channels.delete(channel);
	screen.channel = 0;
	subscribe(screen);
	say({unsubscribe: channel});
}

function unsubscribe(screen) {
	if (screen.channel === 0)
		return;
	say({unsubscribe: screen.channel});
	channels.delete(screen.channel);
	screen.channel = 0;
}

/* The channel is over. */
function refused(screen, code, reason) {
	channels.delete(screen.channel);
	screen.channel = 0;
	if (screen.width !== 0 && NOT_SIZED.includes(code)) {
		screen.width = 0;
		subscribe(screen);
		postMessage({is: 'unsized', id: screen.id});
		return;
	}
	screen.isWanted = false;
	postMessage({is: 'refused', id: screen.id, code, reason});
}

/* The newest picture as it was published, of a stream that has stopped as well. @returns {Promise<Object|null>} like a record; null: it is not to be had */
async function fetchWhole(screen) {
	try {
		const answer = await fetch(new URL(`streams/${screen.name}.jpg?max_age=${LONGEST_AGE}`, base),
			{cache: 'no-store', signal: AbortSignal.timeout(ANSWER_WITHIN)});

		return answer.ok ? {
			sequence: Number(answer.headers.get('X-Sequence')),
			timeUs: Math.round(Number(answer.headers.get('X-Timestamp')) * 1e6),
			flags: screen.latest?.flags ?? 0,
			payload: new Uint8Array(await answer.arrayBuffer()),
			isWhole: true,
		} : null;
	} catch {
		return null;
	}
}

function save(screen, picture) {
	postMessage({is: 'picture', id: screen.id, timeMs: picture.timeUs / 1000,
		blob: new Blob([picture.payload], {type: 'image/jpeg'})});
}

async function onFrame(screen, record) {
	const channel = record.channel;
	const isFirst = screen.isNew;

	screen.isNew = false;
	record.isWhole = screen.width === 0;
	if (await screen.take(record) && isFirst)
		postMessage({is: 'first', id: screen.id});
	if (screen.channel === channel)
		say({ack: channel, sequence: record.sequence});
}

function onBinary(buffer) {
	const record = readRecord(buffer);
	const screen = record !== null ? channels.get(record.channel) : undefined;

	if (record === null)
		return;
	if (record.type === PONG) {
		const pong = readPong(record.payload);

		if (pong !== null)
			clock.add(pong.sentUs / 1000, Date.now(), pong.theirUs / 1000);
	} else if (screen !== undefined && record.type === FRAME) {
		onFrame(screen, record);
	} else if (screen !== undefined && record.type === MESSAGE) {
		postMessage({is: 'message', id: screen.id, text: utf8.decode(record.payload)});
	} else if (screen !== undefined && record.type === ERROR) {
		refused(screen, 0, utf8.decode(record.payload));
	}
}

function onText(text) {
	let said;

	try {
		said = JSON.parse(text);
	} catch {
		return;
	}
	const screen = channels.get(said?.channel);
	if (screen !== undefined && said.error !== undefined) {
		refused(screen, said.error.code, String(said.error.reason));
	} else if (screen !== undefined && said.message !== undefined) {
		/* As it was written: a number that was read and printed again could be another one. */
		postMessage({is: 'message', id: screen.id, text: text.slice(text.indexOf(MESSAGE_WORDS) + MESSAGE_WORDS.length, -1)});
	} else {
		postMessage({is: 'news'}); // of a state: the list of streams has it whole
	}
}

function onOpen() {
	clock.forget();
	postMessage({is: 'open'});
	for (const screen of screens.values())
		if (screen.isWanted)
			subscribe(screen);
}

function onAway(wait) {
	channels.clear();
	for (const screen of screens.values())
		screen.channel = 0;
	postMessage({is: 'away', wait});
}

function look() {
	postMessage({is: 'figures', clock: clock.best(), screens: Array.from(screens.values(), (s) => s.figures())});
}

const orders = {
	connect(order) {
		base = order.base;
		link = new Link(new URL('ws', base).href.replace(/^http/, 'ws'), {open: onOpen, away: onAway, binary: onBinary, text: onText});
		setInterval(look, LOOK_EVERY);
	},
	hurry() {
		link.hurry();
	},
	add({id, name, canvas}) {
		screens.set(id, new Screen(id, name, canvas));
	},
	watch({id, width}) {
		const screen = screens.get(id);

		screen.isWanted = true;
		if (width !== screen.width)
			resize(screen, width);
		subscribe(screen);
	},
	rest({id}) {
		const screen = screens.get(id);

		screen.isWanted = false;
		unsubscribe(screen);
	},
	/* It stands still, and may be enlarged or saved: as published, while that is to be had. */
	async hold({id}) {
		const screen = screens.get(id);
		const latest = screen.latest;
		const picture = latest === null || latest.isWhole ? null : await fetchWhole(screen);

		if (picture !== null && screen.latest === latest) {
			screen.latest = picture;
			screen.draw();
		}
	},
	size({id, width, height}) {
		const screen = screens.get(id);

		screen.box = {width, height};
		screen.draw();
	},
	remove({id}) {
		unsubscribe(screens.get(id));
		screens.delete(id);
	},
	async save({id}) {
		const screen = screens.get(id);
		const latest = screen.latest;

		if (latest !== null)
			save(screen, latest.isWhole ? latest : await fetchWhole(screen) ?? latest);
	},
};

onmessage = (event) => orders[event.data.do](event.data);
