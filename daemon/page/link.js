// SPDX-License-Identifier: MIT
/**
 * The one WebSocket to the relay: it comes back by itself, ever more slowly, and finds out when the relay is silent.
 */
import {pingRecord} from './wire.js';

const now = () => performance.now(); // ms; it does not jump

const FIRST_WAIT = 500;
const LONGEST_WAIT = 10_000;
const GOOD_AFTER = 5_000; // a connection that held so long was a good one: the next wait is short again
const CONNECT_WITHIN = 10_000;
const PING_EVERY = 2_000;
const ANSWER_WITHIN = 8_000;

export class Link {
	#url;
	#on;
	#socket = null;
	#timer = 0; // of the next attempt, or of this one's end
	#wait = FIRST_WAIT;
	#opened = 0;
	#heard = 0;
	#pinged = 0;

	/**
	 * @param {string} url  ws: or wss:
	 * @param {{open: function(), away: function(number), binary: function(ArrayBuffer), text: function(string)}} on
	 *     `away` is told in how many ms the next attempt comes
	 */
	constructor(url, on) {
		this.#url = url;
		this.#on = on;
		setInterval(() => this.#look(), PING_EVERY);
		this.#connect();
	}

	get isOpen() {
		return this.#socket?.readyState === WebSocket.OPEN;
	}

	/** @param {string|ArrayBuffer} data  lost while the relay is away */
	send(data) {
		if (this.isOpen)
			this.#socket.send(data);
	}

	/** Tries at once: somebody knows that it may be back. */
	hurry() {
		if (this.#socket !== null)
			return;
		this.#wait = FIRST_WAIT;
		clearTimeout(this.#timer);
		this.#connect();
	}

	#connect() {
		const socket = new WebSocket(this.#url);

		socket.binaryType = 'arraybuffer';
		this.#socket = socket;
		socket.onopen = () => {
			clearTimeout(this.#timer);
			this.#opened = this.#heard = now();
			this.#pinged = 0;
			this.#on.open();
			this.#look();
		};
		socket.onmessage = (event) => {
			this.#heard = now();
			if (typeof event.data === 'string')
				this.#on.text(event.data);
			else
				this.#on.binary(event.data);
		};
		socket.onclose = () => this.#lost(socket);
		this.#timer = setTimeout(() => this.#drop(), CONNECT_WITHIN);
	}

	/* A silent relay's socket may take minutes to close: it is not waited for. */
	#drop() {
		const socket = this.#socket;

		if (socket === null)
			return;
		socket.close();
		this.#lost(socket);
	}

	#lost(socket) {
		if (socket !== this.#socket)
			return;
		socket.onopen = socket.onmessage = socket.onclose = null;
		this.#socket = null;
		clearTimeout(this.#timer);
		if (this.#opened !== 0 && now() - this.#opened >= GOOD_AFTER)
			this.#wait = FIRST_WAIT;
		this.#opened = 0;
		const wait = this.#wait * (0.75 + Math.random() / 2); // not all pages at once
		this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
		this.#timer = setTimeout(() => this.#connect(), wait);
		this.#on.away(wait);
	}

	/* Timers of a hidden page come late: only an answer that is missing since a ping counts. */
	#look() {
		if (!this.isOpen)
			return;
		if (this.#pinged > this.#heard && now() - this.#pinged > ANSWER_WITHIN) {
			this.#drop();
			return;
		}
		if (this.#pinged <= this.#heard)
			this.#pinged = now();
		this.send(pingRecord(Date.now() * 1000));
	}
}
