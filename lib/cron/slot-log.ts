import type { RunContext } from '../context/types.js';
import type { CompositeRun } from '../task/composite.js';
import type { TaskEventDetail } from '../task/types.js';
import { attempt } from '../util/attempt.js';
import { headline } from '../util/describe-error.js';
import { duration, minute } from '../util/duration.js';
import { logError } from '../util/log-error.js';
import { printable, printableName } from '../util/printable.js';

/** An event of a cron that may occur for each of its slots. */
export type SlotNotice = Extract<TaskEventDetail, { type: 'skipped' | 'missed' | 'overdue' | 'option-failed' }>;

/** The cron at the time of a notice. */
export interface CronState {
  /** The name or path of its task. */
  readonly task: string;
  readonly now: number;
  /** The start of its oldest current run, if there is one. */
  readonly runningSince?: number | undefined;
}

/** Whether an event may be written by a {@link SlotLog}. A slot that is refused is not: another process runs it. */
export function isSlotNotice(event: { readonly type: string; readonly reason?: unknown }): event is SlotNotice {
  const { type, reason } = event;
  return (
    type === 'missed' || type === 'overdue' || type === 'option-failed' || (type === 'skipped' && reason !== 'refused')
  );
}

/** Emits an event of a cron. Without a listener, the cron's parts write it if it is a notice. */
export function emitOrLog(run: CompositeRun, detail: TaskEventDetail): void {
  if (run.observed || !isSlotNotice(detail)) run.emit(detail);
  else logNotice(detail, run);
}

/** Passes a notice to the cron that it comes from, which writes it. Returns whether the context is that of a cron. */
export function logNotice(notice: SlotNotice, run: RunContext | undefined): boolean {
  const { parts } = (run ?? {}) as Partial<CompositeRun>;
  parts?.log?.(notice);
  return parts?.log !== undefined;
}

/**
 * Writes the notices of a cron to the console when nobody listens to its events. The first notice of each kind is
 * written at once. Later ones are counted, and the counts are written at most once a minute: with a later notice, so
 * that no timer is needed, or when the cron ends.
 */
export class SlotLog {
  private readonly writtenKinds = new Set<string>();
  /** The notices of each kind that are not written yet. */
  private readonly counts = new Map<string, number>();
  private firstSlot: number | undefined = undefined;
  private lastError: { readonly error: unknown } | undefined = undefined;
  private lastNotice: SlotNotice | undefined = undefined;
  private writtenAt = -Infinity;

  add(notice: SlotNotice, state: CronState): void {
    // Several applications around one cron receive the same event.
    if (notice === this.lastNotice) return;
    this.lastNotice = notice;
    const kind = notice.type === 'skipped' ? `skipped (${notice.reason})` : notice.type;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + (notice.type === 'missed' ? notice.count : 1));
    if ('slot' in notice) this.firstSlot ??= notice.slot;
    const failure = 'error' in notice ? { error: notice.error } : undefined;
    // At the end of a cron many slots may be dropped at once. They are written together.
    if (notice.type === 'skipped' && notice.reason === 'ended') return;
    if (!this.writtenKinds.has(kind)) {
      this.writtenKinds.add(kind);
      this.write(state);
      if (failure) logError(failure.error);
      return;
    }
    this.lastError = failure ?? this.lastError;
    // The clock may have been set back.
    const sinceLine = state.now - this.writtenAt;
    if (sinceLine >= minute || sinceLine < 0) this.write(state);
  }

  /** Writes the counts, if there are any. */
  write({ task, now, runningSince }: CronState): void {
    const { counts, firstSlot, lastError } = this;
    if (counts.size === 0) return;
    const count = [...counts.values()].reduce((sum, each) => sum + each);
    const parts = [
      [...counts].map(([kind, each]) => countOf(kind, each)).join(', ') +
        (firstSlot === undefined ? '' : ` ${count === 1 ? 'at' : 'since'} ${timeText(firstSlot)}`),
      ...(runningSince === undefined ? [] : [`its run has been going on for ${duration(now - runningSince)}`]),
      ...(lastError ? [`last error: ${printable(headline(lastError.error))}`] : []),
    ];
    this.writtenAt = now;
    this.firstSlot = this.lastError = undefined;
    counts.clear();
    logError(`Cron ${printableName(task)}: ${parts.join('; ')}`);
  }
}

function countOf(kind: string, count: number): string {
  const plural = count === 1 ? '' : 's';
  return kind === 'option-failed' ? `${count} failure${plural} of \`random\`` : `${count} slot${plural} ${kind}`;
}

function timeText(time: number): string {
  return attempt(() => new Date(time).toISOString(), String(time));
}
