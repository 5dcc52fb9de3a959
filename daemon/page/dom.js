// SPDX-License-Identifier: MIT
/** Elements out of names and texts. What comes from outside becomes text, never markup. */

/**
 * @param {string} tag
 * @param {Object<string, *>} [attributes]  `on…` are listeners, `false` and null are left out
 * @param {...(Node|string)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
	const made = document.createElement(tag);

	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === 'function')
			made.addEventListener(name.slice(2), value);
		else if (value !== false && value !== null)
			made.setAttribute(name, value === true ? '' : value);
	}
	made.append(...children);
	return made;
}

const SVG = 'http://www.w3.org/2000/svg';

/** @param {string} name  of a symbol in index.html @returns {SVGElement} */
export function icon(name) {
	const svg = document.createElementNS(SVG, 'svg');
	const use = document.createElementNS(SVG, 'use');

	svg.setAttribute('class', 'icon');
	svg.setAttribute('aria-hidden', 'true');
	use.setAttribute('href', `#icon-${name}`);
	svg.append(use);
	return svg;
}

/** A button that is its icon. @returns {HTMLButtonElement} */
export function iconButton(name, label, onClick) {
	return element('button', {type: 'button', class: 'icon-button', title: label, 'aria-label': label, onclick: (event) => {
		event.stopPropagation();
		onClick(event);
	}}, icon(name));
}

/** Gives a button another icon and label. */
export function relabel(button, name, label) {
	button.querySelector('use').setAttribute('href', `#icon-${name}`);
	button.title = label;
	button.setAttribute('aria-label', label);
}

/** Sets a text where it differs: what does not change costs no layout. */
export function setText(node, text) {
	if (node.textContent !== text)
		node.textContent = text;
}
