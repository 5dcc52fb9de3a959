// SPDX-License-Identifier: MIT
/** How many columns: the choice that shows the most of each picture. Pure. */

const NARROW = 620; // a phone held upright: it scrolls rather than shrinks
const LEAST = 150; // px that a picture should have across
const STRETCH = 1.35;

/**
 * @param {{count: number, width: number, height: number, aspect: number, caption: number, gap: number}} room
 *     px; `aspect` is width by height of a usual picture, `caption` what a tile has below it
 * @returns {{columns: number, rowHeight: number}} px
 */
export function arrange({count, width, height, aspect, caption, gap}) {
	let best = {columns: 1, rowHeight: 0, shown: 0};

	if (width < NARROW)
		return scrolling(count <= 3 ? 1 : 2, {width, aspect, caption, gap});
	for (let columns = 1; columns <= count; columns++) {
		const rows = Math.ceil(count / columns);
		const across = (width - gap * (columns - 1)) / columns;
		const rowHeight = Math.min(across / aspect + caption, (height - gap * (rows - 1)) / rows);
		const shown = Math.min(across, (rowHeight - caption) * aspect);

		if (shown > best.shown)
			best = {columns, rowHeight, shown};
	}
	if (best.shown >= LEAST) {
		const rows = Math.ceil(count / best.columns);
		const whole = (height - gap * (rows - 1)) / rows; // what is left over is shared out, as long as it is little

		return {columns: best.columns, rowHeight: Math.floor(Math.min(whole, best.rowHeight * STRETCH))};
	}
	return scrolling(Math.max(1, Math.floor((width + gap) / (LEAST * 1.4 + gap))), {width, aspect, caption, gap});
}

function scrolling(columns, {width, aspect, caption, gap}) {
	return {columns, rowHeight: Math.floor((width - gap * (columns - 1)) / columns / aspect + caption)};
}

/** @param {Array<{width: number, height: number}>} sizes @returns {number} the middle of the pictures' aspects; 16:9 unknown */
export function usualAspect(sizes) {
	const aspects = sizes.filter((s) => s.width > 0 && s.height > 0).map((s) => s.width / s.height).sort((a, b) => a - b);

	return aspects.length === 0 ? 16 / 9 : Math.min(Math.max(aspects[aspects.length >> 1], 0.75), 2.4);
}
