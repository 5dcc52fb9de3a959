// SPDX-License-Identifier: MIT
/** Two minutes of rate (an area) and age (a line), drawn small beside a title and larger beside a large picture. */

const SECONDS = 120;

/** The last two minutes, a value a second; NaN where nothing is known. */
export class History {
	constructor() {
		this.rate = new Float32Array(SECONDS).fill(NaN);
		this.age = new Float32Array(SECONDS).fill(NaN);
		this.next = 0;
	}

	/** @param {number} rate  pictures a second @param {number|null} age  ms */
	add(rate, age) {
		this.rate[this.next] = rate;
		this.age[this.next] = age === null ? NaN : age;
		this.next = (this.next + 1) % SECONDS;
	}

	/** @param {Float32Array} values @param {number} i  0 the oldest @returns {number} */
	at(values, i) {
		return values[(this.next + i) % SECONDS];
	}

	/** @returns {number} the largest of them that is a number; 0 when none is */
	peak(values) {
		return values.reduce((max, v) => (v > max ? v : max), 0);
	}
}

let colours = null;

/** The scheme has changed: the style has other colours. */
export function forgetColours() {
	colours = null;
}

function coloursNow() {
	const style = getComputedStyle(document.documentElement);

	colours ??= {rate: style.getPropertyValue('--plot-rate'), age: style.getPropertyValue('--plot-age'),
		line: style.getPropertyValue('--plot-line')};
	return colours;
}

/* Makes the canvas as many pixels as the screen has for it. @returns {CanvasRenderingContext2D|null} null: it is not shown */
function prepare(canvas) {
	const scale = window.devicePixelRatio || 1;
	const width = Math.round(canvas.clientWidth * scale), height = Math.round(canvas.clientHeight * scale);

	if (width === 0 || height === 0)
		return null;
	if (canvas.width !== width || canvas.height !== height) {
		canvas.width = width;
		canvas.height = height;
	}
	const context = canvas.getContext('2d');
	context.clearRect(0, 0, width, height);
	return context;
}

function area(context, history, values, peak, colour) {
	const {width, height} = context.canvas;
	const step = width / SECONDS;

	context.fillStyle = colour;
	for (let i = 0; i < SECONDS; i++) {
		const v = history.at(values, i);

		if (v > 0) {
			const h = Math.max(1, v / peak * height);

			context.fillRect(Math.floor(i * step), height - h, Math.ceil(step), h);
		}
	}
}

function line(context, history, values, peak, colour) {
	const {width, height} = context.canvas;
	const step = width / (SECONDS - 1), thick = Math.max(1, Math.round(window.devicePixelRatio || 1));
	let isDown = false;

	context.strokeStyle = colour;
	context.lineWidth = thick;
	context.lineJoin = 'round';
	context.beginPath();
	for (let i = 0; i < SECONDS; i++) {
		const v = history.at(values, i);
		const y = height - thick / 2 - Math.max(0, Math.min(v / peak, 1)) * (height - thick);

		if (Number.isNaN(v)) {
			isDown = false;
		} else if (!isDown) {
			context.moveTo(i * step, y);
			isDown = true;
		} else {
			context.lineTo(i * step, y);
		}
	}
	context.stroke();
}

/* Scales do not jump with every picture: the next of 1, 2, 5, 10 … */
function scaleFor(peak, least) {
	const power = 10 ** Math.floor(Math.log10(Math.max(peak, least)));

	return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= Math.max(peak, least));
}

/** Both, over each other, each with its own scale. */
export function drawBoth(canvas, history) {
	const context = prepare(canvas);

	if (context === null)
		return;
	area(context, history, history.rate, scaleFor(history.peak(history.rate) * 1.3, 1), coloursNow().rate);
	line(context, history, history.age, scaleFor(history.peak(history.age), 100), coloursNow().age);
}

/**
 * One of them, large.
 *
 * @param {'rate'|'age'} which
 * @returns {number} the value at the upper edge
 */
export function drawOne(canvas, history, which) {
	const top = scaleFor(history.peak(history[which]), which === 'rate' ? 1 : 100);
	const context = prepare(canvas);

	if (context === null)
		return top;
	context.fillStyle = coloursNow().line;
	for (const y of [0, context.canvas.height >> 1])
		context.fillRect(0, y, context.canvas.width, 1);
	if (which === 'rate')
		area(context, history, history.rate, top, coloursNow().rate);
	else
		line(context, history, history.age, top, coloursNow().age);
	return top;
}
