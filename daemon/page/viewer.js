// SPDX-License-Identifier: MIT
/** The page as a whole: its tiles, who of them is watched, what is large, whether the relay is there. */
import {showLines} from './copy.js';
import {relabel, setText} from './dom.js';
import {arrange, usualAspect} from './layout.js';
import {fillPublish} from './publish.js';
import {AS_PUBLISHED, sizeFor} from './size.js';
import {Streams} from './streams.js';
import * as text from './text.js';
import {Tile} from './tile.js';

const GAP = 8;
const OFFLINE_PATIENCE = 10_000; // a name that only this page knows is forgotten when nobody asks for it any more
const OFFLINE_AGAIN = 60_000; // and something that could be woken is tried again
const REFUSED_AGAIN = 15_000;
const UNSIZED_AGAIN = 60_000;
const SETTLED_AFTER = 200; // ms: while an edge of the window is dragged nothing is asked for anew
const NO_SUCH_STREAM = 404; // it came, went, or was not yet there: the next list knows
const SAY_AWAY_AFTER = 400; // ms: a connection that is renewed at once is no news

const byId = (id) => document.getElementById(id);

export class Viewer {
	/** @param {Worker} worker @param {URL} base  where the page is */
	constructor(worker, base) {
		this.worker = worker;
		this.base = base;
		this.tiles = new Map(); // by name, in the relay's order
		this.large = null;
		this.current = null; // has the focus, or had it last
		this.awaySince = Date.now();
		this.nextTry = 0;
		this.columns = 1;
		this.clock = null;
		this.#grid = byId('grid');
		this.#streams = new Streams(base, {list: (list) => this.#onList(list), failed: (why) => this.#onFailed(why)});
		this.#visible = new IntersectionObserver((entries) => this.#onVisible(entries), {rootMargin: '50px'});
		this.#sizes = new ResizeObserver((entries) => this.#onSizes(entries));
		new ResizeObserver(() => this.#arrange()).observe(byId('main'));
		worker.onmessage = (event) => this.#said[event.data.is](event.data);
		worker.onerror = (event) => this.#onFailed(`What shows the pictures has failed: ${event.message}`);
		worker.postMessage({do: 'connect', base: base.href});
		document.addEventListener('visibilitychange', () => this.#watchAll());
		window.addEventListener('online', () => worker.postMessage({do: 'hurry'}));
		this.#grid.addEventListener('focusin', (event) => this.#onFocus(event));
		fillPublish(byId('empty'), base, document.querySelector('meta[name=doors]')?.content ?? '');
		this.render();
	}

	#grid;
	#streams;
	#visible;
	#sizes;
	#settled = 0; // the timer
	#nextId = 1;
	#hasList = false;
	#failure = '';
	#links = 0; // how often the relay was found
	#asPublished = new URL(location.href).searchParams.has('full');

	/* --- What the worker says */

	#said = {
		open: () => {
			this.awaySince = 0;
			this.#links++;
			this.#announce(this.#links > 1 ? 'The relay is back' : 'Connected');
			this.#streams.begin();
			for (const tile of this.tiles.values())
				if (tile.isWatched)
					tile.begin();
			this.render();
		},
		away: ({wait}) => {
			if (this.awaySince === 0) {
				this.awaySince = Date.now();
				setTimeout(() => this.awaySince !== 0 && this.#announce('The relay is away'), SAY_AWAY_AFTER);
			}
			this.nextTry = Date.now() + wait;
			this.#streams.pause();
			this.render();
		},
		first: ({id}) => this.#with(id, (tile) => {
			tile.first(Date.now());
			this.#renderTile(tile, Date.now());
		}),
		message: ({id, text: json}) => this.#with(id, (tile) => {
			tile.say(json);
			if (!this.#grid.classList.contains('has-messages')) {
				this.#grid.classList.add('has-messages');
				this.#arrange();
			}
		}),
		unsized: ({id}) => this.#with(id, (tile) => {
			tile.asked = AS_PUBLISHED;
			tile.wholeUntil = Date.now() + UNSIZED_AGAIN;
		}),
		refused: ({id, code, reason}) => this.#with(id, (tile) => {
			tile.refuse(reason, Date.now() + (code === NO_SUCH_STREAM ? 0 : REFUSED_AGAIN));
			this.#renderTile(tile, Date.now());
		}),
		news: () => this.#streams.look(),
		picture: ({id, blob, timeMs}) => this.#with(id, (tile) => saveAs(blob, text.fileName(tile.name, timeMs))),
		figures: ({clock, screens}) => this.#onFigures(clock, screens),
	};

	#with(id, then) {
		for (const tile of this.tiles.values())
			if (tile.id === id)
				then(tile);
	}

	#onFigures(clock, screens) {
		const now = Date.now();
		const byTile = new Map(screens.map((s) => [s.id, s]));

		this.clock = clock;
		for (const tile of this.tiles.values())
			if (byTile.has(tile.id))
				tile.count(byTile.get(tile.id), now, clock?.offset ?? null);
		this.#watchAll();
		this.render();
	}

	/* --- Which streams there are */

	#onFailed(why) {
		this.#failure = why;
		this.render();
	}

	#onList(list) {
		const now = Date.now();
		const names = new Set(list.map((s) => s.name));
		let changed = !this.#hasList;

		list.sort(byNumber);
		this.#hasList = true;
		this.#failure = '';
		for (const [name, tile] of this.tiles)
			if (!names.has(name)) {
				this.#remove(tile);
				changed = true;
			}
		for (const stream of list) {
			const tile = this.tiles.get(stream.name);

			if (tile === undefined) {
				this.#add(stream);
				changed = true;
			} else {
				if (tile.stream.state === 'live' && stream.state !== 'live')
					this.worker.postMessage({do: 'hold', id: tile.id});
				changed ||= tile.stream.number !== stream.number || tile.stream.width !== stream.width || tile.stream.height !== stream.height;
				tile.update(stream, now);
			}
		}
		if (changed) {
			this.#order(list);
			this.#arrange();
		}
		this.#watchAll();
		this.render();
	}

	/* Only what stands in the wrong place is moved: what is moved loses the focus. */
	#order(list) {
		let at = this.#grid.firstElementChild;

		this.tiles = new Map(list.map((stream) => [stream.name, this.tiles.get(stream.name)]));
		for (const tile of this.tiles.values())
			if (tile.node === at)
				at = at.nextElementSibling;
			else
				this.#grid.insertBefore(tile.node, at);
	}

	#add(stream) {
		const tile = new Tile(this.#nextId++, stream, {
			enlarge: (t) => this.enlarge(this.large === t ? null : t),
			pause: (t) => this.pause(t),
			save: (t) => this.save(t),
			copy: (t) => this.copy(t),
			fullScreen: (t) => this.fullScreen(t),
		});
		const canvas = tile.canvas.transferControlToOffscreen();

		this.tiles.set(stream.name, tile);
		this.#grid.append(tile.node);
		if (this.current === null)
			this.#makeCurrent(tile);
		this.worker.postMessage({do: 'add', id: tile.id, name: stream.name, canvas}, [canvas]);
		this.#visible.observe(tile.node);
		this.#sizes.observe(tile.screen);
	}

	#remove(tile) {
		const hadFocus = tile.node.contains(document.activeElement);

		if (this.large === tile)
			this.enlarge(null);
		this.#visible.unobserve(tile.node);
		this.#sizes.unobserve(tile.screen);
		this.worker.postMessage({do: 'remove', id: tile.id});
		this.tiles.delete(tile.name);
		tile.node.remove();
		if (this.current !== tile)
			return;
		this.current = null;
		const next = this.tiles.values().next().value;
		if (next !== undefined) {
			this.#makeCurrent(next);
			if (hadFocus)
				next.node.focus();
		}
	}

	/* --- Who is watched: what is on the screen, and no other */

	#isWanted(tile, now) {
		if (document.hidden || !tile.isVisible || tile.pausedAt !== 0 || tile.refused !== '')
			return false;
		return tile.offlineSince === 0 || (now - tile.offlineSince) % OFFLINE_AGAIN < OFFLINE_PATIENCE;
	}

	/* @returns {{width: number, shown: number}|null} null: it is not watched */
	#wantedSize(tile, now) {
		if (!this.#isWanted(tile, now))
			return null;
		if (this.#asPublished || now < tile.wholeUntil)
			return AS_PUBLISHED;
		if (tile.asked !== null && now - tile.boxAt < SETTLED_AFTER)
			return tile.asked;
		return sizeFor(tile.stream, tile.box, tile.asked);
	}

	#watchAll() {
		const now = Date.now();

		for (const tile of this.tiles.values()) {
			const before = tile.asked;
			const size = this.#wantedSize(tile, now);

			if (size !== null && before === null)
				tile.begin();
			tile.asked = size;
			if (size?.width === before?.width)
				continue;
			this.worker.postMessage({do: size !== null ? 'watch' : 'rest', id: tile.id, width: size?.width});
			if (size === null && tile.pausedAt !== 0)
				this.worker.postMessage({do: 'hold', id: tile.id});
		}
	}

	#onVisible(entries) {
		for (const entry of entries)
			for (const tile of this.tiles.values())
				if (tile.node === entry.target)
					tile.isVisible = entry.isIntersecting;
		this.#watchAll();
		this.render();
	}

	#onSizes(entries) {
		const scale = window.devicePixelRatio || 1;

		for (const entry of entries)
			for (const tile of this.tiles.values())
				if (tile.screen === entry.target && entry.contentRect.width > 0) {
					tile.box = {width: Math.round(entry.contentRect.width * scale), height: Math.round(entry.contentRect.height * scale)};
					tile.boxAt = Date.now();
					this.worker.postMessage({do: 'size', id: tile.id, ...tile.box});
				}
		clearTimeout(this.#settled);
		this.#settled = setTimeout(() => this.#watchAll(), SETTLED_AFTER + 10);
	}

	/* --- What people do */

	enlarge(tile) {
		const was = this.large;

		if (tile === was)
			return;
		was?.setLarge(false);
		this.large = tile;
		tile?.setLarge(true);
		document.body.classList.toggle('has-large', tile !== null);
		if (tile === null)
			was.node.scrollIntoView({block: 'nearest'});
		(tile ?? was).node.focus({preventScroll: true});
		this.#arrange();
		this.render();
	}

	/** @param {Tile|null} tile  null: all of them */
	pause(tile) {
		const all = tile === null ? [...this.tiles.values()] : [tile];
		const at = all.some((t) => t.pausedAt === 0) ? Date.now() : 0;

		for (const t of all)
			if ((t.pausedAt !== 0) !== (at !== 0))
				t.setPaused(at);
		this.#watchAll();
		this.render();
	}

	save(tile) {
		this.worker.postMessage({do: 'save', id: tile.id});
	}

	copy(tile) {
		showLines(byId('copy'), tile.title, tile.name, this.base);
	}

	async fullScreen(tile) {
		if (document.fullscreenElement !== null) {
			await document.exitFullscreen();
			return;
		}
		if (tile !== null)
			this.enlarge(tile);
		await document.documentElement.requestFullscreen?.();
	}

	/** The tile that keys are for: the large one, or the one that has the focus. */
	get chosen() {
		return this.large ?? (this.current?.node.contains(document.activeElement) ? this.current : null);
	}

	move(dx, dy) {
		const all = [...this.tiles.values()];
		const at = all.indexOf(this.large ?? this.current);

		if (all.length === 0)
			return;
		if (this.large !== null) {
			this.enlarge(all[(at + (dx || dy) + all.length) % all.length]);
			return;
		}
		if (this.chosen === null) {
			this.current.node.focus();
			return;
		}
		const next = all[at + dx + dy * this.columns];
		next?.node.focus();
	}

	edge(isLast) {
		const all = [...this.tiles.values()];

		if (this.large !== null && all.length > 0)
			this.enlarge(isLast ? all[all.length - 1] : all[0]);
		else
			(isLast ? all[all.length - 1] : all[0])?.node.focus();
	}

	#onFocus(event) {
		for (const tile of this.tiles.values())
			if (tile.node.contains(event.target))
				this.#makeCurrent(tile);
	}

	/* One tile is reached by Tab; arrows go on from there. */
	#makeCurrent(tile) {
		this.current?.node.setAttribute('tabindex', '-1');
		this.current = tile;
		tile.node.setAttribute('tabindex', '0');
	}

	/* --- How it looks */

	#arrange() {
		const main = byId('main');
		const style = getComputedStyle(main);
		const room = {
			count: this.tiles.size,
			width: main.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight),
			height: main.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom),
			aspect: usualAspect([...this.tiles.values()].map((t) => t.stream)),
			caption: parseFloat(getComputedStyle(this.#grid).getPropertyValue('--caption')),
			gap: GAP,
		};
		const {columns, rowHeight} = arrange(room);

		this.columns = columns;
		this.#grid.style.setProperty('--columns', columns);
		this.#grid.style.setProperty('--row-height', `${rowHeight}px`);
	}

	#renderTile(tile, now) {
		tile.render(now, this.awaySince, this.clock?.offset ?? 0);
	}

	render() {
		const now = Date.now();

		for (const tile of this.tiles.values())
			this.#renderTile(tile, now);
		this.#renderBar(now);
		byId('empty').hidden = !this.#hasList || this.tiles.size !== 0;
		this.#grid.hidden = this.tiles.size === 0;
	}

	#renderBar(now) {
		const all = [...this.tiles.values()];
		const live = all.filter((t) => t.stream.state === 'live').length;
		const isAway = this.awaySince !== 0 && (this.#links > 0 || now - this.awaySince > 1000);
		const away = `The relay is away since ${text.clock(this.awaySince)}. ` + (this.nextTry > now + 500
			? `Next attempt in ${Math.ceil((this.nextTry - now) / 1000)} s.` : 'Trying to reach it …');

		setText(byId('summary'), this.#hasList ? `${text.count(all.length, 'stream')}, ${live} live` : '');
		setText(byId('traffic'), `${text.rate(all.reduce((sum, t) => sum + (t.isWatched ? t.rate : 0), 0))}  ` +
			`${text.bytes(all.reduce((sum, t) => sum + (t.isWatched ? t.bytesPerSecond : 0), 0))}/s`);
		setText(byId('clock'), this.clock === null ? '' :
			`${this.clock.trip < 1 ? '<1 ms' : text.age(this.clock.trip)} to the relay, clock ${signed(this.clock.offset)}`);
		setText(byId('banner-text'), this.#failure !== '' ? this.#failure : isAway ? away : '');
		byId('banner').hidden = !isAway && this.#failure === '';
		document.body.classList.toggle('is-away', isAway);
		const allPaused = all.length > 0 && all.every((t) => t.pausedAt !== 0);
		relabel(byId('pause-all'), allPaused ? 'play' : 'pause', allPaused ? 'All go on' : 'Pause all');
		document.title = isAway ? 'Relay away – framerelayd' : all.length > 0 ? `${live}/${all.length} live – framerelayd` : 'framerelayd';
	}

	/* For those who listen instead of looking. */
	#announce(what) {
		setText(byId('news'), what);
	}
}

/* Those with a number first; cam2 stands before cam10. */
const names = new Intl.Collator('en', {numeric: true});

function byNumber(a, b) {
	return (a.number ?? Infinity) - (b.number ?? Infinity) || names.compare(a.name, b.name);
}

function signed(ms) {
	return `${ms < 0 ? '−' : '+'}${text.age(Math.abs(ms))}`;
}

function saveAs(blob, name) {
	const link = document.createElement('a');

	link.href = URL.createObjectURL(blob);
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
