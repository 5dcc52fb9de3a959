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
		return scrolling(count <= 3 ? 1 : 2, {count, width, height, aspect, caption, gap});
	for (let columns = 1; columns <= count; columns++) {
		const rows = Math.ceil(count / columns);
		const across = (width - gap * (columns - 1)) / columns;
		const rowHeight = Math.min(across / aspect + caption, (height - gap * (rows - 1)) / rows);
		const shown = Math.min(across, (rowHeight - caption) * aspect);

		if (shown > best.shown)
			best = {columns, rowHeight, shown};
	}
	if (best.shown < LEAST)
		return scrolling(Math.max(1, Math.floor((width + gap) / (LEAST * 1.4 + gap))), {count, width, height, aspect, caption, gap});
	return {columns: best.columns, rowHeight: stretched(best.rowHeight, best.columns, {count, height, gap})};
}

/* As wide as the columns are; what does not fit is scrolled to. */
function scrolling(columns, {count, width, height, aspect, caption, gap}) {
	const rowHeight = (width - gap * (columns - 1)) / columns / aspect + caption;

	return {columns, rowHeight: stretched(rowHeight, columns, {count, height, gap})};
}

/* What is left over below is shared out, as long as it is little. */
function stretched(rowHeight, columns, {count, height, gap}) {
	const rows = Math.ceil(count / columns);
	const whole = (height - gap * (rows - 1)) / rows;

	return Math.floor(Math.max(rowHeight, Math.min(whole, rowHeight * STRETCH)));
}

/** @param {Array<{width: number, height: number}>} sizes @returns {number} the middle of the pictures' aspects; 16:9 unknown */
export function usualAspect(sizes) {
	const aspects = sizes.filter((s) => s.width > 0 && s.height > 0).map((s) => s.width / s.height).sort((a, b) => a - b);

	return aspects.length === 0 ? 16 / 9 : Math.min(Math.max(aspects[aspects.length >> 1], 0.75), 2.4);
}
