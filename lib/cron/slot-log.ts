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

/** A cron, as its lines on the console show it. */
export interface LoggedCron {
  /** The name or path of its task. */
  readonly name: string;
  readonly now: number;
  /** The start of its oldest current run, if there is one. */
  readonly runningSince?: number | undefined;
}

/**
 * Whether an event may be written by a {@link SlotLog}. A slot that is refused is not, because another process runs it,
 * and neither is one that is missed because the cron was paused.
 */
export function isSlotNotice(event: { readonly type: string; readonly reason?: unknown }): event is SlotNotice {
  const { type, reason } = event;
  return (
    (type === 'missed' && reason !== 'paused') ||
    type === 'overdue' ||
    type === 'option-failed' ||
    (type === 'skipped' && reason !== 'refused')
  );
}

/** Emits an event of a cron. Without a listener, a notice is passed to the cron's log instead. */
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
 * written at once. Later ones are counted, and the counts are written at most once a minute: with a later notice, when
 * a slot comes due, or at the end of the cron. So no timer is needed.
 */
export class SlotLog {
  /** The numbers of notices that are not written yet, by kind. A kind that was written before may have a 0. */
  private readonly counts = new Map<string, number>();
  /** The sum of the counts. */
  private total = 0;
  private firstSlot: number | undefined = undefined;
  private lastError: { readonly error: unknown } | undefined = undefined;
  private writtenError: unknown = undefined;
  private writtenAt = -Infinity;
  private lastNotice: SlotNotice | undefined = undefined;

  add(notice: SlotNotice, cron: LoggedCron): void {
    // Several applications around one cron receive the same event.
    if (notice === this.lastNotice) return;
    this.lastNotice = notice;
    const kind = kindOf(notice);
    const count = notice.type === 'missed' ? notice.count : 1;
    const isFirst = !this.counts.has(kind);
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + count);
    this.total += count;
    if ('slot' in notice) this.firstSlot ??= notice.slot;
    const failure = 'error' in notice ? { error: notice.error } : undefined;
    // At the end of a cron many slots may be dropped at once. They are written together.
    if (notice.type === 'skipped' && notice.reason === 'ended') return;
    if (isFirst) {
      this.write(cron);
      if (!failure) return;
      this.writtenError = failure.error;
      logError(failure.error);
    } else {
      this.lastError = failure ?? this.lastError;
      this.writeIfDue(cron);
    }
  }

  /** Writes the counts, if there are any, and if the last line was written a minute ago. */
  writeIfDue(cron: LoggedCron): void {
    if (this.total === 0) return;
    // The clock may have been set back.
    const sinceLine = cron.now - this.writtenAt;
    if (sinceLine >= minute || sinceLine < 0) this.write(cron);
  }

  /** Writes the counts, if there are any. */
  write({ name, now, runningSince }: LoggedCron): void {
    const { counts, total, firstSlot, lastError } = this;
    if (total === 0) return;
    const parts = [
      [...counts].flatMap(([kind, count]) => (count > 0 ? countOf(kind, count) : [])).join(', ') +
        (firstSlot === undefined ? '' : ` ${total === 1 ? 'at' : 'since'} ${timeText(firstSlot)}`),
      ...(runningSince === undefined ? [] : [`its run has been going on for ${duration(now - runningSince)}`]),
    ];
    if (lastError && !Object.is(lastError.error, this.writtenError)) {
      this.writtenError = lastError.error;
      parts.push(`last error: ${printable(headline(lastError.error))}`);
    }
    this.writtenAt = now;
    this.total = 0;
    this.firstSlot = this.lastError = undefined;
    for (const kind of counts.keys()) counts.set(kind, 0);
    logError(`Cron ${printableName(name)}: ${parts.join('; ')}`);
  }
}

/** Returns the kind of a notice, as its line names one. */
function kindOf(notice: SlotNotice): string {
  if (notice.type === 'option-failed') return `failure of \`${notice.option}\``;
  return notice.type === 'skipped' ? `slot skipped (${notice.reason})` : `slot ${notice.type}`;
}

function countOf(kind: string, count: number): string {
  return `${count} ${count === 1 ? kind : kind.replace(' ', 's ')}`;
}

function timeText(time: number): string {
  return attempt(() => new Date(time).toISOString(), String(time));
}
