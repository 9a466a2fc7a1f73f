import type { RecordedEntry } from './entries.js';
import type { FleetHistory } from './fleet-history.js';

/** The precision of the times of processes, in ms. */
const precisionMs = 1;

interface Call {
  readonly queue: string;
  readonly begun: number;
  /** The time of the answer, or undefined without one. */
  readonly answered: number | undefined;
  /** The time from which on it has no further effect. */
  readonly ended: number;
}

/**
 * Returns a fault for each claim of a paused queue: one whose statement began after the answer to the pause, and before
 * the next resume was asked for. The database has recorded the claims.
 */
export function checkPauses({ entries, changes }: FleetHistory): string[] {
  const resumes = callsIn(entries, 'resuming', 'resumed');
  return callsIn(entries, 'pausing', 'paused').flatMap(({ queue, begun: asked, answered = Infinity }) => {
    const later = resumes.filter((resume) => resume.queue === queue && resume.ended > asked);
    const end = Math.min(...later.map(({ begun }) => begun));
    return changes
      .filter((change) => change.queue === queue && change.state === 'active')
      .filter(({ begun }) => begun >= answered + precisionMs && begun < end)
      .map(({ job }) => `job ${job} was claimed while its queue was paused`);
  });
}

/** Returns the calls of a kind. Those of a process follow one another. */
function callsIn(
  entries: readonly RecordedEntry[],
  asked: 'pausing' | 'resuming',
  answered: 'paused' | 'resumed',
): Call[] {
  return entries.flatMap((entry, index) => {
    if (entry.type !== asked) return [];
    const own = entries.slice(index + 1).filter(({ by }) => by === entry.by);
    const end = own.find(({ type }) => type === answered || type === 'killed');
    const answer = end?.type === answered ? end.at : undefined;
    return [{ queue: entry.queue, begun: entry.at, answered: answer, ended: end?.at ?? Infinity }];
  });
}
