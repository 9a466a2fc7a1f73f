import { duration } from '../../lib/util/duration.js';
import type { Run } from './run.js';

/** A slot that was skipped, or is overdue, or several that were missed. */
export interface SlotNotice {
  readonly kind: 'missed' | 'overdue' | `skipped (${string})`;
  readonly slot: number;
  readonly count?: number;
  /** The error of a coordinator. */
  readonly error?: string | undefined;
}

const minute = 60_000;

/**
 * The lines of a cron that has no listener: «the first `skipped`, `missed` and `overdue` of a cron are written to the
 * console, then at most one line a minute with counts».
 */
export class SlotLog {
  /** The timeout of the cron, which a `DeadlineError` names. */
  private readonly timeout: number | undefined;
  /** All kinds, in the order of their first notices. */
  private readonly kinds = new Set<string>();
  private pending: SlotNotice[] = [];
  private writtenAt = -Infinity;

  constructor(timeout?: number) {
    this.timeout = timeout;
  }

  add(run: Run, notice: SlotNotice, runningSince: number | undefined): void {
    const { kind, error } = notice;
    const isFirst = !this.kinds.has(kind);
    this.kinds.add(kind);
    this.pending.push(isFirst ? { ...notice, error: undefined } : notice);
    if (kind === 'skipped (ended)') return;
    if (isFirst) this.write(run, runningSince);
    else this.writeIfDue(run, runningSince);
    if (isFirst && error) run.record('console', error);
  }

  /** Writes what is pending a minute after the last line. */
  writeIfDue(run: Run, runningSince?: number): void {
    const { now } = run.world;
    if (now >= this.writtenAt + minute || now < this.writtenAt) this.write(run, runningSince);
  }

  write(run: Run, runningSince?: number): void {
    const { pending } = this;
    const [first] = pending;
    if (!first) return;
    const { now } = run.world;
    this.pending = [];
    this.writtenAt = now;
    const counts = [...this.kinds].flatMap((kind) => {
      const count = countOf(pending.filter((notice) => notice.kind === kind));
      return count === 0 ? [] : `${count} slot${count === 1 ? '' : 's'} ${kind}`;
    });
    const preposition = countOf(pending) === 1 ? 'at' : 'since';
    const lastError = pending.findLast(({ error }) => error)?.error;
    const parts = [
      `Cron ${run.path}: ${counts.join(', ')} ${preposition} ${new Date(first.slot).toISOString()}`,
      ...(runningSince === undefined ? [] : [`its run has been going on for ${duration(now - runningSince)}`]),
      ...(lastError ? [`last error: ${this.headline(lastError)}`] : []),
    ];
    run.record('console', parts.join('; '));
  }

  private headline(error: string): string {
    return error === 'DeadlineError' ? `${error}: Not done within ${this.timeout} ms` : `Error: ${error}`;
  }
}

function countOf(notices: readonly SlotNotice[]): number {
  return notices.reduce((sum, { count = 1 }) => sum + count, 0);
}
