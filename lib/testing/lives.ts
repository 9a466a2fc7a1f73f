import { lifeOf, type Life, type Part } from './life.js';
import type { Marble } from './marbles.js';
import type { RecordedEvent } from '../recording/recorded.js';
import { diagramOf } from './to-marbles.js';

/** What the world outside has brought about. */
export const fromOutside = "%:'";

/** What a task did in each of its runs, and in the slots of a cron. */
export function livesOf(events: readonly RecordedEvent[], from: number, lost: boolean): Life[] {
  const runs: RecordedEvent[][] = [[]];
  for (const event of events) {
    runs.at(-1)?.push(event);
    if (event.type === 'restarting' || event.type === 'done') runs.push([]);
  }
  return runs
    .filter((run, place) => run.length > 0 || place === 0)
    .flatMap((run) => {
      const marbles = [...diagramOf({ version: 1, from, events: run, dropped: 0 }).values()].flat();
      const finalizes = marbles.findIndex(({ mark }) => mark === ']');
      const life = marbles
        // A cancel that comes while it finalizes makes no difference to it.
        .filter(
          ({ mark }, place) => !fromOutside.includes(mark) && !(mark === '!' && finalizes !== -1 && place > finalizes),
        )
        .map(({ at, mark }) => ({ at, mark: mark === '<' ? '|' : mark }));
      // What was under way when the recording ends, or at the deadline.
      const stopping = '!]'.includes(life.findLast(({ mark }) => '!]|#'.includes(mark))?.mark ?? '|');
      if (stopping || (lost && run.at(-1) === events.at(-1))) life.push({ at: Infinity, mark: '?' });
      return life.some(({ mark }) => mark === '+') ? slotLives(life) : [lifeOf(life[0]?.mark === '!' ? [] : life)];
    });
}

/** The hooks of a cron, and for each slot what `execute` did: no more than can be seen. */
function slotLives(marbles: readonly Marble[]): Life[] {
  const places = marbles.flatMap(({ mark }, place) => (mark === '+' ? [place] : []));
  const { initialize, finalize } = lifeOf(marbles.filter(({ mark }) => !'+/*'.includes(mark) && !/\w/.test(mark)));
  return places.map((place, slot) => ({
    execute: slotPart(marbles.slice(place, places[slot + 1])),
    ...(initialize && { initialize }),
    ...(finalize && { finalize }),
  }));
}

/** What `execute` did from a `+` to the next; that of the last slot is seen to go on until the cron finalizes, or ends. */
function slotPart([tick, ...during]: readonly Marble[]): Part {
  const at = tick?.at ?? 0;
  const last = during.findIndex(({ mark }) => '*]|#?'.includes(mark));
  const end = during[last];
  const shown = during.slice(0, end && last).filter(({ mark }) => mark !== '/');
  if (end) shown.push({ ...end, mark: end.mark === '*' ? '#' : end.mark === '?' ? '?' : '|' });
  const part = lifeOf(shown.map((marble) => ({ ...marble, at: marble.at - at }))).execute;
  if (end) return part;
  const skipped = during.findLast(({ mark }) => mark === '/');
  return { ...part, ends: Math.max(0, part.values.at(-1)?.at ?? 0, skipped ? skipped.at - at + 1 : 0) };
}
