// SPDX-License-Identifier: MIT
/**
 * What streams there are and how they do: `/events` tells of changes at once, `/streams` is looked at now and then for the
 * figures that change always (docs/protocol.md 2.2).
 */

const LOOK_EVERY = 3000;
const ANSWER_WITHIN = 8000;

export class Streams {
	#base;
	#on;
	#events = null;
	#timer = 0;
	#isAsking = false;
	#isOn = false;
	#byName = new Map();

	/**
	 * @param {URL} base
	 * @param {{list: function(Array<Object>), failed: function(string)}} on
	 */
	constructor(base, on) {
		this.#base = base;
		this.#on = on;
		document.addEventListener('visibilitychange', () => this.look());
	}

	/** The relay is there (again). */
	begin() {
		this.#isOn = true;
		this.#listen();
		this.look();
	}

	/** It is not: nothing is asked until begin(). */
	pause() {
		this.#isOn = false;
		clearTimeout(this.#timer);
		this.#events?.close();
		this.#events = null;
	}

	/** Asks now, unless nobody looks. */
	async look() {
		clearTimeout(this.#timer);
		if (document.hidden || !this.#isOn || this.#isAsking)
			return;
		this.#isAsking = true;
		try {
			const answer = await fetch(new URL('streams', this.#base), {cache: 'no-store', signal: AbortSignal.timeout(ANSWER_WITHIN)});
			const said = await answer.json();

			if (!answer.ok)
				this.#on.failed(String(said?.error?.reason ?? answer.status));
			else
				this.#replace(said);
		} catch {
			// The link finds out that the relay is away, and says so.
		} finally {
			this.#isAsking = false;
			clearTimeout(this.#timer);
			if (this.#isOn)
				this.#timer = setTimeout(() => this.look(), LOOK_EVERY);
		}
	}

	#listen() {
		this.#events?.close();
		this.#events = new EventSource(new URL('events', this.#base));
		this.#events.addEventListener('streams', (event) => this.#replace(JSON.parse(event.data)));
		this.#events.addEventListener('stream', (event) => {
			const stream = JSON.parse(event.data);

			this.#byName.set(stream.name, stream);
			this.#tell();
		});
		this.#events.addEventListener('forgotten', (event) => {
			this.#byName.delete(JSON.parse(event.data).name);
			this.#tell();
		});
	}

	#replace(list) {
		this.#byName = new Map(list.map((stream) => [stream.name, stream]));
		this.#tell();
	}

	#tell() {
		this.#on.list([...this.#byName.values()]);
	}
}
