// SPDX-License-Identifier: MIT
/** How wide a stream's pictures are asked for: as wide as they are shown, where that is much less to send. Pure. */

/* Few, so that tiles and pages of about one size share what the relay makes; some are a half or a quarter of usual pictures. */
const WIDTHS = [160, 240, 320, 480, 640, 960, 1280, 1920, 2560, 3840];
const WORTH = 0.7; // of the published width: from here down a picture has half the pixels, or fewer
const SLACK = 0.85; // what shrinks by less keeps what it has

/** As it is published, and only until something else is known. */
export const AS_PUBLISHED = {width: 0, shown: Infinity};

/**
 * @param {{width: number, height: number}} picture  as it is published, pixels; 0: not known yet
 * @param {{width: number, height: number}} box  what it has on the screen, device pixels; 0: not known yet
 * @param {{width: number, shown: number}|null} before  what is asked for now; null: nothing is
 * @returns {{width: number, shown: number}}  pixels: to ask for, 0 as it is published; and that are seen
 */
export function sizeFor(picture, box, before) {
	if (picture.width === 0 || picture.height === 0 || box.width === 0 || box.height === 0)
		return AS_PUBLISHED;
	const shown = Math.round(Math.min(box.width, box.height * picture.width / picture.height));
	const width = widthAbove(shown, picture.width);

	return before !== null && isLess(width, before.width) && shown > before.shown * SLACK ? before : {width, shown};
}

function widthAbove(shown, published) {
	const width = WIDTHS.find((w) => w >= shown);

	return width !== undefined && width <= published * WORTH ? width : 0;
}

function isLess(a, b) {
	return a !== 0 && (b === 0 || a < b);
}
