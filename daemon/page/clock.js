// SPDX-License-Identifier: MIT
/**
 * The relay's clock, estimated from PING and PONG: of the last eight answers the one with the shortest way there and back
 * counts (RFC 5905 section 10). Pure.
 */

const SAMPLES = 8;

export class RelayClock {
	#samples = [];

	/** Another relay, or the same one after a pause: what was known may not hold any more. */
	forget() {
		this.#samples = [];
	}

	/** All in milliseconds since 1970, by our clock but the last. @param {number} sent @param {number} back @param {number} theirs */
	add(sent, back, theirs) {
		if (back < sent)
			return;
		this.#samples.push({trip: back - sent, offset: theirs - (sent + back) / 2});
		if (this.#samples.length > SAMPLES)
			this.#samples.shift();
	}

	/** @returns {{offset: number, trip: number}|null} the relay's clock less ours, and the way there and back, ms */
	best() {
		return this.#samples.reduce((best, s) => (best === null || s.trip < best.trip ? s : best), null);
	}
}
