// SPDX-License-Identifier: MIT
/** Lines to take along: where a stream is found by other software. */
import {element} from './dom.js';

/**
 * @param {string} name  a stream's: letters, digits, _ and -
 * @param {URL} base  where the page is
 * @returns {Array<{label: string, text: string}>}
 */
export function linesFor(name, base) {
	const mjpeg = new URL(`streams/${name}.mjpg`, base).href;
	const picture = new URL(`streams/${name}.jpg`, base).href;

	return [
		{label: 'MJPEG', text: mjpeg},
		{label: 'Snapshot', text: picture},
		{label: 'OpenCV', text: `capture = cv2.VideoCapture("${mjpeg}")`},
		{label: 'ffmpeg', text: `ffmpeg -use_wallclock_as_timestamps 1 -i ${mjpeg} -c copy ${name}.mkv`},
		{label: 'Home Assistant', text: '# Settings > Devices & services > Add integration > MJPEG IP Camera\n' +
			`MJPEG URL: ${mjpeg}\nStill image URL: ${picture}`},
	];
}

/**
 * Pages that did not come by TLS or from this machine have no clipboard of their own: there a selection is copied.
 *
 * @param {string} text
 * @returns {Promise<boolean>} false: the browser does not let us
 */
export async function copyText(text) {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		const area = element('textarea', {class: 'off-screen', 'aria-hidden': 'true', readonly: true});

		area.value = text;
		(document.querySelector('dialog[open]') ?? document.body).append(area);
		area.select();
		try {
			return document.execCommand('copy');
		} finally {
			area.remove();
		}
	}
}

/** A line with its label and a button. @returns {HTMLElement} */
export function copyRow({label, text}) {
	const button = element('button', {type: 'button', class: 'copy', onclick: async () => {
		button.textContent = await copyText(text) ? 'Copied' : 'Select it';
		setTimeout(() => {
			button.textContent = 'Copy';
		}, 1500);
	}}, 'Copy');

	button.setAttribute('aria-label', `Copy: ${label}`);
	return element('div', {class: 'copy-row'}, element('h3', {}, label), element('pre', {tabindex: '0'}, text), button);
}

/** Shows a stream's lines. @param {HTMLDialogElement} dialog @param {string} title */
export function showLines(dialog, title, name, base) {
	dialog.querySelector('h2').textContent = title;
	dialog.querySelector('.lines').replaceChildren(...linesFor(name, base).map(copyRow));
	dialog.showModal();
}
