// SPDX-License-Identifier: MIT
/** One stream's pictures in the worker: decoded here, drawn here, and counted. */

const SESSION = 100_000; // numbers begin with the time in us: a larger gap is another publisher's session

export class Screen {
	/**
	 * @param {number} id  the tile's
	 * @param {string} name  the stream's
	 * @param {OffscreenCanvas} canvas
	 */
	constructor(id, name, canvas) {
		this.id = id;
		this.name = name;
		this.channel = 0; // 0: not subscribed
		this.isWanted = false;
		this.width = 0; // that its pictures are asked for; 0: as they are published
		this.isNew = false; // no picture of this subscription has come yet
		this.latest = null; // the newest picture, its bytes included: it can be saved and drawn anew
		this.box = {width: canvas.width, height: canvas.height}; // device pixels that it has on the screen
		this.dropped = 0;
		this.shown = 0; // pictures in all
		this.bytes = 0;
		this.ages = {sum: 0, count: 0}; // of pictures when they appeared, since the last look; raw: clocks not compared
		this.size = {width: 0, height: 0}; // the picture's own
		this.lastSequence = 0;
		this.#canvas = canvas;
		this.#context = canvas.getContext('2d', {alpha: false});
	}

	#canvas;
	#context;

	/** Another subscription begins: what lies between was not dropped. */
	begin(channel) {
		this.channel = channel;
		this.isNew = true;
		this.lastSequence = 0;
	}

	/**
	 * Takes a picture in and shows it; one that is of before what is shown, in another size, is passed over.
	 *
	 * @param {{sequence: number, timeUs: number, flags: number, payload: Uint8Array, isWhole: boolean}} record
	 *     `isWhole`: it is as it was published
	 * @returns {Promise<boolean>} false: it could not be decoded
	 */
	async take(record) {
		const gap = record.sequence - this.lastSequence - 1;
		const behind = this.latest === null ? 0 : this.latest.sequence - record.sequence;
		const isAgain = this.latest !== null && behind === 0;

		if (behind > 0 && behind < SESSION)
			return true;
		if (this.lastSequence !== 0 && gap > 0 && gap < SESSION)
			this.dropped += gap;
		this.lastSequence = record.sequence;
		this.latest = record;
		this.bytes += record.payload.byteLength;
		if (!await this.draw())
			return false;
		if (isAgain)
			return true;
		this.shown++;
		this.ages.sum += Date.now() - record.timeUs / 1000;
		this.ages.count++;
		return true;
	}

	/** Draws the newest picture (again, where its place has another size now). @returns {Promise<boolean>} */
	async draw() {
		const record = this.latest;
		let bitmap;

		if (record === null)
			return false;
		try {
			bitmap = await createImageBitmap(new Blob([record.payload], {type: 'image/jpeg'}));
		} catch {
			return false;
		}
		try {
			if (record !== this.latest)
				return true; // a newer one came meanwhile, and must not be painted over
			this.#fit(bitmap.width, bitmap.height);
			this.#context.drawImage(bitmap, 0, 0, this.#canvas.width, this.#canvas.height);
		} finally {
			bitmap.close();
		}
		return true;
	}

	/* No more pixels than there are on the screen, and no more than the picture has. */
	#fit(width, height) {
		const scale = Math.min(1, Math.max(this.box.width / width, 0.01), Math.max(this.box.height / height, 0.01));
		const w = Math.max(1, Math.round(width * scale));
		const h = Math.max(1, Math.round(height * scale));

		this.size = {width, height};
		if (this.#canvas.width !== w || this.#canvas.height !== h) {
			this.#canvas.width = w;
			this.#canvas.height = h;
			this.#context.imageSmoothingQuality = 'medium';
		}
	}

	/** What happened since the last look, for the tile. */
	figures() {
		const {sum, count} = this.ages;

		this.ages = {sum: 0, count: 0};
		return {
			id: this.id,
			shown: this.shown,
			bytes: this.bytes,
			dropped: this.dropped,
			rawAge: count > 0 ? sum / count : null,
			timeMs: this.latest !== null ? this.latest.timeUs / 1000 : null,
			flags: this.latest?.flags ?? 0,
			size: this.latest?.payload.byteLength ?? 0,
			width: this.size.width,
			height: this.size.height,
		};
	}
}
