// SPDX-License-Identifier: MIT
/** Keys. A button that has the focus keeps its own. */

/**
 * @param {{move: function(number, number), edge: function(boolean), enter: function(), leave: function(),
 *     pause: function(), fullScreen: function(), save: function(), copy: function(), help: function()}} on
 */
export function listenToKeys(on) {
	const keys = {
		ArrowLeft: () => on.move(-1, 0),
		ArrowRight: () => on.move(1, 0),
		ArrowUp: () => on.move(0, -1),
		ArrowDown: () => on.move(0, 1),
		Home: () => on.edge(false),
		End: () => on.edge(true),
		Enter: on.enter,
		Escape: on.leave,
		' ': on.pause,
		f: on.fullScreen,
		s: on.save,
		c: on.copy,
		'?': on.help,
	};

	document.addEventListener('keydown', (event) => {
		const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
		const onButton = event.target.closest?.('button, pre, a, textarea') !== null;

		if (event.ctrlKey || event.metaKey || event.altKey || keys[key] === undefined)
			return;
		if (document.querySelector('dialog[open]') !== null || (onButton && (key === 'Enter' || key === ' ')))
			return;
		event.preventDefault();
		keys[key]();
	});
}
