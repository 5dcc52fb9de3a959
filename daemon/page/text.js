// SPDX-License-Identifier: MIT
/** Numbers and times as people read them. Pure. */

const UNITS = ['B', 'kB', 'MB', 'GB'];

/** @param {number} bytes @returns {string} three figures and a unit: `45.2 kB` */
export function bytes(bytes) {
	let unit = 0;

	while (bytes >= 999.5 && unit < UNITS.length - 1) {
		bytes /= 1000;
		unit++;
	}
	return `${unit === 0 || bytes >= 99.95 ? Math.round(bytes) : bytes.toFixed(1)} ${UNITS[unit]}`;
}

/** @param {number} width @param {number} height @returns {string} `1280×720` */
export function pixels(width, height) {
	return `${width}×${height}`;
}

/** @param {number} rate  pictures a second @returns {string} */
export function rate(rate) {
	return `${rate >= 99.95 ? Math.round(rate) : rate >= 0.95 || rate === 0 ? rate.toFixed(1) : rate.toFixed(2)}/s`;
}

/** @param {number|null} ms  null: unknown @returns {string} `38 ms`, `1.2 s`, `4 min`; an age over a day is a clock that is off */
export function age(ms) {
	if (ms === null || ms < -500 || ms > 86_400_000)
		return '–';
	if (ms < 999.5)
		return `${Math.max(0, Math.round(ms))} ms`;
	return duration(ms);
}

/** @param {number} ms @returns {string} one unit: `1.2 s`, `42 s`, `5 min`, `3 h`, `2 d` */
export function duration(ms) {
	const s = Math.max(0, ms) / 1000;

	if (s < 9.95)
		return `${s.toFixed(1)} s`;
	if (s < 99.5)
		return `${Math.round(s)} s`;
	if (s < 5970)
		return `${Math.round(s / 60)} min`;
	return s < 172_800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} d`;
}

/** @param {number} n @param {string} one @param {string} [many] @returns {string} `1 viewer`, `2 viewers` */
export function count(n, one, many = `${one}s`) {
	return `${n} ${n === 1 ? one : many}`;
}

const two = (n) => String(n).padStart(2, '0');

/** @param {number} ms  since 1970 @returns {string} `14:03:22` of today, else with its day before it */
export function clock(ms) {
	const t = new Date(ms);
	const time = `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;

	return t.toDateString() === new Date().toDateString() ? time : `${day(t)} ${time}`;
}

function day(t) {
	return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;
}

/** @param {string} name @param {number} ms  since 1970 @returns {string} `porch-2026-11-21-140322.123.jpg` */
export function fileName(name, ms) {
	const t = new Date(ms);
	const time = `${two(t.getHours())}${two(t.getMinutes())}${two(t.getSeconds())}`;

	return `${name}-${day(t)}-${time}.${String(t.getMilliseconds()).padStart(3, '0')}.jpg`;
}
