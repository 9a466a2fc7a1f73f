import type { VirtualClock } from '../../../lib/testing/index.js';
import type { SeededRandom } from '../seeded-random.js';
import { CronTable, type Claim } from './cron-table.js';

/** A server of 8 cores. A statement takes so long on one of them, in ms: one that commits, and one that only reads. */
const cores = 8;
const [commitMs, readMs] = [1, 0.125];
/** One in so many statements, or answers, is lost, and one in so many statements fails. */
const lossOneIn = 50_000;
/** The time after which a connection without an answer is cut, in ms. */
const cutMs = 15_000;
/** The unit of latencies, in ms. Coarse, so that few instants differ. */
const tickMs = 0.125;

/** The process that sends a statement. */
export interface Sender {
  readonly name: string;
  /** Whether its network is cut. */
  readonly partitioned: boolean;
  readonly alive: boolean;
}

/** The statements that a server has executed. */
export interface Load {
  readonly statements: Record<'claim' | 'other', number>;
  readonly writes: number;
  /** The most statements that have arrived within a second, and within a ms. */
  readonly peakSecond: number;
  readonly peakMs: number;
  /** The longest wait of a statement for a core, in ms. */
  readonly longestWaitMs: number;
}

/** A database server in virtual time, with random latencies and losses. */
export class FakeServer {
  /** Whether no statement is executed: some are refused at once, and others are not answered. */
  away = false;
  readonly table: CronTable = new CronTable();
  private readonly clock: VirtualClock;
  private readonly random: SeededRandom;
  private readonly onClaim: (claim: Claim, sender: Sender) => void;
  private readonly freeAt = new Float64Array(cores);
  private readonly statements = { claim: 0, other: 0 };
  private readonly bySecond = new Peak(1000);
  private readonly byMs = new Peak(1);
  private writes = 0;
  private longestWaitMs = 0;

  constructor(clock: VirtualClock, random: SeededRandom, onClaim: (claim: Claim, sender: Sender) => void) {
    this.clock = clock;
    this.random = random;
    this.onClaim = onClaim;
  }

  get load(): Load {
    const { statements, writes, longestWaitMs } = this;
    return { statements, writes, peakSecond: this.bySecond.most, peakMs: this.byMs.most, longestWaitMs };
  }

  /** Executes a statement, and answers. Rejects as a connection that is lost. */
  query(sender: Sender, sql: string, values: readonly unknown[]): Promise<{ rows: unknown[] }> {
    return new Promise((resolve, reject) => {
      const fail = (code: string, ms: number) =>
        this.after(ms, () => reject(Object.assign(new Error(`The connection has ended: ${code}`), { code })));
      const lose = () => fail('ECONNRESET', cutMs);
      const { random } = this;
      const isCut = this.away || sender.partitioned;
      if (random.oneIn(isCut ? 2 : lossOneIn)) return lose();
      if (isCut || random.oneIn(lossOneIn)) return fail('ECONNREFUSED', this.latency());
      this.after(this.latency(), () => {
        if (!sender.alive || this.away) return lose();
        const { ms, rows } = this.execute(sender, sql, values);
        if (random.oneIn(lossOneIn)) return lose();
        this.after(ms + this.latency(), () => {
          if (sender.partitioned || !sender.alive) lose();
          else resolve({ rows: [...rows] });
        });
      });
    });
  }

  /** Executes a statement that has arrived. Returns its rows, and when it has ended. */
  private execute(sender: Sender, sql: string, values: readonly unknown[]) {
    const now = this.clock.now();
    const { rows, writes, claim } = this.table.execute(sql, values, now);
    this.statements[claim ? 'claim' : 'other']++;
    if (writes) this.writes++;
    this.bySecond.count(now);
    this.byMs.count(now);
    if (claim) this.onClaim(claim, sender);
    const core = this.freeAt.indexOf(Math.min(...this.freeAt));
    const startsAt = Math.max(now, this.freeAt[core] ?? now);
    this.longestWaitMs = Math.max(this.longestWaitMs, startsAt - now);
    this.freeAt[core] = startsAt + (writes ? commitMs : readMs);
    return { rows, ms: (this.freeAt[core] ?? now) - now };
  }

  /** Returns the ms that a packet takes: half a ms on average, and rarely a hundred times as long. */
  private latency(): number {
    const { random } = this;
    const meanMs = random.oneIn(1000) ? 50 : 0.25;
    return 0.25 + tickMs * Math.round((-meanMs * Math.log(1 - random.next())) / tickMs);
  }

  private after(ms: number, callback: () => void): void {
    this.clock.schedule(callback, ms);
  }
}

/** Counts events, and the most of them within any interval of one length. */
class Peak {
  most = 0;
  private readonly lengthMs: number;
  private interval = NaN;
  private current = 0;

  constructor(lengthMs: number) {
    this.lengthMs = lengthMs;
  }

  count(now: number): void {
    const interval = Math.floor(now / this.lengthMs);
    this.current = interval === this.interval ? this.current + 1 : 1;
    this.interval = interval;
    this.most = Math.max(this.most, this.current);
  }
}
