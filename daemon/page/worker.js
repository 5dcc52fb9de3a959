// SPDX-License-Identifier: MIT
/**
 * Everything that pictures pass through, off the page's own thread: the WebSocket, decoding, drawing.
 *
 * A picture's bytes never leave this worker but to be saved. The relay sends a channel's next picture only when the
 * last one is acknowledged, and that happens when it is drawn: whoever is slow gets fewer pictures, never older ones.
 *
 * From the page: {do: 'connect', url} first, then {do: 'add', id, name, canvas}, 'watch', 'rest', 'remove', 'save'
 * with an id, {do: 'size', id, width, height}, {do: 'hurry'}.
 * To the page: {is: 'open'}, {is: 'away', wait}, {is: 'first', id}, {is: 'figures', clock, screens},
 * {is: 'message', id, text}, {is: 'news'}, {is: 'refused', id, code, reason},
 * {is: 'picture', id, blob, timeMs}.
 */
import {RelayClock} from './clock.js';
import {Link} from './link.js';
import {Screen} from './screen.js';
import {ERROR, FRAME, MESSAGE, PONG, readPong, readRecord} from './wire.js';

const LOOK_EVERY = 1000;
const CHANNELS = 65535; // 1 … 65535

const screens = new Map(); // by id
const channels = new Map(); // by channel: those that are subscribed
const clock = new RelayClock();
const utf8 = new TextDecoder();
let link = null;
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
	say({subscribe: screen.name, channel: screen.channel, ack: true});
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
	screen.isWanted = false;
	postMessage({is: 'refused', id: screen.id, code, reason});
}

async function onFrame(screen, record) {
	const channel = record.channel;
	const isFirst = screen.isNew;

	screen.isNew = false;
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
		postMessage({is: 'message', id: screen.id, text: JSON.stringify(said.message)});
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
	connect({url}) {
		link = new Link(url, {open: onOpen, away: onAway, binary: onBinary, text: onText});
		setInterval(look, LOOK_EVERY);
	},
	hurry() {
		link.hurry();
	},
	add({id, name, canvas}) {
		screens.set(id, new Screen(id, name, canvas));
	},
	watch({id}) {
		const screen = screens.get(id);

		screen.isWanted = true;
		subscribe(screen);
	},
	rest({id}) {
		const screen = screens.get(id);

		screen.isWanted = false;
		unsubscribe(screen);
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
	save({id}) {
		const latest = screens.get(id).latest;

		if (latest !== null)
			postMessage({is: 'picture', id, timeMs: latest.timeUs / 1000,
				blob: new Blob([latest.payload], {type: 'image/jpeg'})});
	},
};

onmessage = (event) => orders[event.data.do](event.data);
