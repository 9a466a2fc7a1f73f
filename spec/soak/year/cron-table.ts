/** A row of the table `cron`: the last slot of a cron that was granted, and its lease. */
interface CronRow {
  slot: number;
  lease: string | null;
  member: string;
  holder: string;
  seen: number;
}

/** The answer to a statement, and what it means for a claim. */
export interface TableAnswer {
  readonly rows: readonly object[];
  readonly writes: boolean;
  readonly claim?: Claim;
}

/** The result of a claim of a slot. */
export interface Claim {
  readonly task: string;
  readonly slot: number;
  /** The slot is granted, again to the same lease, taken, the cron is held, or the slot is ahead of the clock. */
  readonly result: 'granted' | 'repeated' | 'taken' | 'held' | 'ahead';
  /** The process that holds the cron. */
  readonly holder: string | undefined;
}

/**
 * The table `cron` of a fleet, and the statements of `lib/fleet/leases.ts` on it. `cron-table.system.spec.ts`
 * compares it with PostgreSQL.
 */
export class CronTable {
  private readonly crons = new Map<string, CronRow>();

  /** Executes a statement at a time. Throws for one that it does not know. */
  execute(sql: string, values: readonly unknown[], now: number): TableAnswer {
    if (/^\s*insert into "\w+"\.cron as last\b/.test(sql)) return this.claim(values as ClaimValues, now);
    if (/^update "\w+"\.cron set seen = now\(\) where member = /.test(sql))
      return this.renew(values as [string, readonly string[]], now);
    if (/^update "\w+"\.cron set lease = \$2::uuid where lease = /.test(sql))
      return this.release(values as [string, string | null]);
    throw new Error(`Expected a statement of the leases, got ${sql}`);
  }

  /** Returns the rows, sorted. */
  rows(): (CronRow & { readonly task: string })[] {
    const rows = Array.from(this.crons, ([task, row]) => ({ task, ...row }));
    return rows.sort((a, b) => (a.task < b.task ? -1 : 1));
  }

  private claim([task, slot, lease, member, holder, leaseMs, maxAheadMs]: ClaimValues, now: number): TableAnswer {
    const row = this.crons.get(task);
    const refuse = (result: Claim['result']) => ({
      rows: [],
      writes: false,
      claim: { task, slot, result, holder: row?.holder },
    });
    const repeated = row?.lease === lease;
    if (row && !repeated && row.slot >= slot) return refuse('taken');
    const isFree = !row || repeated || row.lease === null || row.member === member || row.seen < now - leaseMs;
    if (!isFree) return refuse('held');
    if (slot >= now + maxAheadMs) return refuse('ahead');
    this.crons.set(task, { slot, lease, member, holder, seen: now });
    return {
      rows: [{ slot }],
      writes: true,
      claim: { task, slot, result: repeated ? 'repeated' : 'granted', holder },
    };
  }

  private renew([member, tasks]: readonly [string, readonly string[]], now: number): TableAnswer {
    const renewed = tasks.filter((task) => this.crons.get(task)?.member === member);
    for (const task of renewed) Object.assign(this.crons.get(task) ?? {}, { seen: now });
    return { rows: renewed.map((task) => ({ task })), writes: renewed.length > 0 };
  }

  private release([lease, successor]: readonly [string, string | null]): TableAnswer {
    for (const row of this.crons.values()) {
      if (row.lease !== lease) continue;
      row.lease = successor;
      return { rows: [], writes: true };
    }
    return { rows: [], writes: false };
  }
}

type ClaimValues = [
  task: string,
  slot: number,
  lease: string,
  member: string,
  holder: string,
  leaseMs: number,
  maxAheadMs: number,
];
