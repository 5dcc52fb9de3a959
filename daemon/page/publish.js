// SPDX-License-Identifier: MIT
/** What an empty page says: how pictures get here. */
import {copyRow} from './copy.js';

const isLoopback = (host) => /^(localhost|127\.[\d.]+|\[::1\])$/.test(host);

/**
 * Addresses that the camera's machine can use: the page's own, unless it was opened on the relay's machine itself.
 *
 * @param {URL} base  where the page is
 * @param {string} doors  what the relay's doors announce, line by line
 * @returns {{http: URL, frames: string}}  `frames`: HOST or HOST:PORT
 */
export function addresses(base, doors) {
	const find = (pattern) => [...doors.matchAll(pattern)].map((match) => match[1]);
	const frames = find(/--publish (\S+)\/NAME/g);
	const http = find(/viewers: (http\S+)/g).map((url) => new URL(url)).find((url) => !isLoopback(url.hostname));

	return {
		http: isLoopback(base.hostname) && http !== undefined ? http : base,
		frames: frames.find((address) => address.startsWith(`${base.hostname}:`)) ?? frames[0] ?? base.hostname,
	};
}

/**
 * @param {{http: URL, frames: string}} to
 * @returns {Array<{label: string, text: string}>}
 */
export function publishLines({http, frames}) {
	const url = new URL('streams/porch', http).href;

	return [
		{label: 'framerelayd', text: `framerelayd --publish ${frames}/porch --source pattern`},
		{label: 'curl, one picture', text: `curl -T picture.jpg ${url}`},
		{label: 'ffmpeg, a camera', text: `ffmpeg -f v4l2 -i /dev/video0 -f mpjpeg -method POST ${url}`},
		{label: 'Python', text: 'import pathlib, time, urllib.request\n\n' +
			"for picture in sorted(pathlib.Path('.').glob('*.jpg')):\n" +
			`    urllib.request.urlopen(urllib.request.Request(\n        "${url}",\n` +
			"        picture.read_bytes(), {'Content-Type': 'image/jpeg'}))\n    time.sleep(0.5)"},
	];
}

/** Fills the section once. @param {HTMLElement} section */
export function fillPublish(section, base, doors) {
	section.querySelector('.lines').replaceChildren(...publishLines(addresses(base, doors)).map(copyRow));
}
