// SPDX-License-Identifier: MIT
/** Begins the page. */
import {listenToKeys} from './keyboard.js';
import {forgetColours} from './plot.js';
import {Viewer} from './viewer.js';

const byId = (id) => document.getElementById(id);

function begin() {
	const base = new URL('.', location.href);
	const worker = new Worker(new URL('worker.js', import.meta.url), {type: 'module'});
	const viewer = new Viewer(worker, base);
	const help = byId('help');

	listenToKeys({
		move: (dx, dy) => viewer.move(dx, dy),
		edge: (isLast) => viewer.edge(isLast),
		enter: () => viewer.chosen !== null && viewer.enlarge(viewer.large !== null ? null : viewer.chosen),
		leave: () => viewer.enlarge(null),
		pause: () => viewer.pause(viewer.chosen),
		fullScreen: () => viewer.fullScreen(viewer.chosen),
		save: () => viewer.chosen !== null && viewer.save(viewer.chosen),
		copy: () => viewer.chosen !== null && viewer.copy(viewer.chosen),
		help: () => help.showModal(),
	});
	byId('pause-all').addEventListener('click', () => viewer.pause(null));
	byId('full-screen').addEventListener('click', () => viewer.fullScreen(null));
	byId('show-help').addEventListener('click', () => help.showModal());
	for (const dialog of document.querySelectorAll('dialog')) {
		dialog.querySelector('.close').addEventListener('click', () => dialog.close());
		dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
	}
	matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
		forgetColours();
		viewer.render();
	});
}

if ('transferControlToOffscreen' in HTMLCanvasElement.prototype)
	begin();
else
	byId('too-old').hidden = false;
