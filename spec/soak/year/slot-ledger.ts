import type { Claim } from './cron-table.js';

/** All that has happened to one slot of a cron. */
interface SlotRecord {
  claims: number;
  grantedTo: string | undefined;
  starts: number;
  /** The reasons of the refusals, but that the slot is taken. */
  readonly refusedFor: Set<LostReason>;
}

/** Reasons for which a slot is not run by any process. */
export type LostReason =
  | 'the cron was still running'
  | 'its lease was that of a killed process'
  | 'its lease was not released yet'
  | 'its claims arrived after those of a later slot'
  | 'the database was away'
  | 'all processes were cut off or had just started'
  | 'the process was killed, or its grant was lost';

interface CronRun {
  readonly process: string;
  readonly slot: number;
  readonly startedAt: number;
}

/** The number of ended runs of a cron that are kept. */
const maxRuns = 10;

/** Records all slots of a fleet, and checks what must hold for them. */
export class SlotLedger {
  readonly faults: string[] = [];
  readonly counts: Record<'due' | 'once' | 'interrupted' | 'refused', number> = {
    due: 0,
    once: 0,
    interrupted: 0,
    refused: 0,
  };
  readonly lost: Map<LostReason, number> = new Map<LostReason, number>();
  /** The ms from when a slot was due to its start. */
  readonly lateness: number[] = [];
  private readonly records = new Map<string, Map<number, SlotRecord>>();
  private readonly lastStarted = new Map<string, number>();
  private readonly running = new Map<string, CronRun>();
  /** The last runs of each cron that have ended. */
  private readonly lastRuns = new Map<string, { readonly from: number; readonly until: number }[]>();
  private readonly isAlive: (process: string) => boolean;
  private readonly now: () => number;

  constructor(isAlive: (process: string) => boolean, now: () => number) {
    this.isAlive = isAlive;
    this.now = now;
  }

  /** The crons that a process runs at the moment. */
  runsOf(process: string): number {
    return [...this.running.values()].filter((run) => run.process === process).length;
  }

  onClaim({ task, slot, result, holder }: Claim, process: string): void {
    const record = this.recordOf(task, slot);
    record.claims++;
    if (result !== 'granted' && result !== 'repeated') this.counts.refused++;
    if (result === 'granted') {
      if (record.grantedTo !== undefined) this.fault(task, slot, `granted to ${record.grantedTo} and to ${process}`);
      record.grantedTo = process;
    } else if (result === 'held') {
      const isKilled = holder !== undefined && !this.isAlive(holder);
      if (this.running.has(task)) record.refusedFor.add('the cron was still running');
      else
        record.refusedFor.add(isKilled ? 'its lease was that of a killed process' : 'its lease was not released yet');
    } else if (result === 'taken' && record.grantedTo === undefined)
      record.refusedFor.add('its claims arrived after those of a later slot');
  }

  onStart(process: string, task: string, slot: number): void {
    const record = this.recordOf(task, slot);
    const current = this.running.get(task);
    if (++record.starts > 1) this.fault(task, slot, `started ${record.starts} times, now by ${process}`);
    if (record.grantedTo !== process) this.fault(task, slot, `run by ${process}, granted to ${record.grantedTo}`);
    if (current) this.fault(task, slot, `run by ${process} while ${current.process} runs ${iso(current.slot)}`);
    if (slot <= (this.lastStarted.get(task) ?? -Infinity)) this.fault(task, slot, 'started after a later slot');
    this.lastStarted.set(task, slot);
    this.running.set(task, { process, slot, startedAt: this.now() });
    this.lateness.push(this.now() - slot);
  }

  onEnd(process: string, task: string, slot: number, completed: boolean): void {
    const current = this.running.get(task);
    if (current?.process === process && current.slot === slot) {
      this.running.delete(task);
      const runs = this.lastRuns.get(task) ?? [];
      this.lastRuns.set(task, [...runs.slice(-maxRuns), { from: current.startedAt, until: this.now() }]);
    }
    if (!completed) this.counts.interrupted++;
  }

  /**
   * Counts a slot, long after it was due.
   *
   * @param outage the reason for which no process could claim it, if there is one.
   */
  judge(task: string, slot: number, outage?: LostReason): void {
    const { claims, grantedTo, starts, refusedFor } = this.recordOf(task, slot);
    this.records.get(task)?.delete(slot);
    this.counts.due++;
    if (starts === 1) this.counts.once++;
    if (starts > 0) return;
    const reasons: LostReason[] =
      grantedTo === undefined ? [...refusedFor] : ['the process was killed, or its grant was lost'];
    // Its process does not claim it, and a fault may keep all others from it.
    if (this.wasRunning(task, slot)) reasons.push('the cron was still running');
    if (outage) reasons.push(outage);
    const [reason] = reasons;
    if (reason) this.lost.set(reason, (this.lost.get(reason) ?? 0) + 1);
    else this.fault(task, slot, `not run for no reason, after ${claims} claims`);
  }

  private wasRunning(task: string, at: number): boolean {
    const { startedAt = Infinity } = this.running.get(task) ?? {};
    return startedAt <= at || (this.lastRuns.get(task) ?? []).some(({ from, until }) => from <= at && at <= until);
  }

  private recordOf(task: string, slot: number): SlotRecord {
    const records = this.records.get(task) ?? new Map<number, SlotRecord>();
    this.records.set(task, records);
    const record = records.get(slot) ?? { claims: 0, grantedTo: undefined, starts: 0, refusedFor: new Set() };
    records.set(slot, record);
    return record;
  }

  private fault(task: string, slot: number, what: string): void {
    this.faults.push(`${iso(this.now())}: slot ${iso(slot)} of ${task}: ${what}`);
  }
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
