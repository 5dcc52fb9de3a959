// SPDX-License-Identifier: MIT
/** What a tile has to say instead of its picture being live: a picture that stands still must never look live. Pure. */
import {clock, duration} from './text.js';

const LATE = 3000; // ms

/**
 * @param {Object} t
 *     now: ms since 1970; awaySince: of the relay, or 0; refused: a reason or ""; pausedAt: ms or 0;
 *     isFresh: a picture came since it was asked for; shownAt: when the last one did, ms or 0;
 *     usualRate: pictures a second that came here lately, 0 not known;
 *     stream: its object of `/streams`; since: when its state began, ms; newestAt: when the relay got the newest picture
 *     that showed something new, ms or null. All by this browser's clock.
 * @returns {{kind: string, title: string, more: string}}  kind `live`: nothing to say
 */
export function conditionOf(t) {
	const newest = t.newestAt === null ? 'No picture yet' : `No picture since ${clock(t.newestAt)}`;

	if (t.awaySince !== 0)
		return {kind: 'away', title: 'Relay away', more: `since ${clock(t.awaySince)}`};
	if (t.refused !== '')
		return {kind: 'refused', title: 'Refused', more: t.refused};
	if (t.stream.state === 'offline')
		return {kind: 'offline', title: 'Offline', more: t.newestAt === null ? `since ${clock(t.since)}` : newest};
	if (t.pausedAt !== 0)
		return {kind: 'paused', title: 'Paused', more: `at ${clock(t.pausedAt)}`};
	if (t.stream.state === 'asleep')
		return {kind: 'asleep', title: 'Asleep', more: `since ${clock(t.since)}`};
	if (t.stream.state === 'stale' && t.stream.unchanged_seconds > t.stream.age_seconds)
		return {kind: 'stale', title: 'Frozen', more: `same picture since ${clock(t.newestAt)}`};
	if (t.stream.state === 'stale')
		return {kind: 'stale', title: 'Stale', more: newest};
	if (!t.isFresh)
		return {kind: 'waiting', title: 'Waiting', more: 'for a picture'};
	if (isLate(t))
		return {kind: 'late', title: 'Late', more: `no picture for ${duration(t.now - t.shownAt)}`};
	return {kind: 'live', title: '', more: ''};
}

/* Several are missing by the stream's own pace; or, where that is not known, the relay has had newer ones. */
function isLate(t) {
	const pace = t.stream.frames_per_second || t.usualRate;

	return (pace > 0 && t.now - t.shownAt > Math.max(LATE, 3500 / pace)) || t.newestAt - t.shownAt > LATE;
}
