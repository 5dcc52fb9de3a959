// SPDX-License-Identifier: MIT
/**
 * Records as they travel in binary messages of the WebSocket (docs/protocol.md 1.3), without their length field:
 * u8 type, u8 flags, u16 channel, u64 sequence, u64 time, payload; little-endian. Pure.
 */

export const FRAME = 1;
export const MESSAGE = 2;
export const PING = 4;
export const PONG = 5;
export const END = 6;
export const ERROR = 7;

/** Bit 0 of a FRAME's flags: its time is the relay's receive time. */
export const TIME_IS_RELAYS = 1;

const HEAD = 20;

/**
 * Numbers and times stay below 2^53 until the year 2255: a double holds them exactly.
 *
 * @param {ArrayBuffer} buffer
 * @returns {{type: number, flags: number, channel: number, sequence: number, timeUs: number, payload: Uint8Array}|null}
 *     null: shorter than a record's head
 */
export function readRecord(buffer) {
	if (buffer.byteLength < HEAD)
		return null;
	const view = new DataView(buffer);
	return {
		type: view.getUint8(0),
		flags: view.getUint8(1),
		channel: view.getUint16(2, true),
		sequence: Number(view.getBigUint64(4, true)),
		timeUs: Number(view.getBigUint64(12, true)),
		payload: new Uint8Array(buffer, HEAD),
	};
}

/**
 * @param {number} clockUs  our clock, microseconds
 * @returns {ArrayBuffer}
 */
export function pingRecord(clockUs) {
	const buffer = new ArrayBuffer(HEAD + 8);
	const view = new DataView(buffer);

	view.setUint8(0, PING);
	view.setBigUint64(HEAD, BigInt(Math.round(clockUs)), true);
	return buffer;
}

/**
 * @param {Uint8Array} payload  of a PONG: what the PING held, then the answerer's clock
 * @returns {{sentUs: number, theirUs: number}|null}  null: not one of ours
 */
export function readPong(payload) {
	if (payload.byteLength !== 16)
		return null;
	const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
	return {sentUs: Number(view.getBigUint64(0, true)), theirUs: Number(view.getBigUint64(8, true))};
}
