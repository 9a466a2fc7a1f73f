import { virtualClock, type VirtualClock } from '../../../lib/testing/index.js';
import { virtualGlobals } from '../../../lib/testing/virtual-globals.js';
import { SeededRandom } from '../seeded-random.js';
import { companyCrons, type CompanyCron } from './company-crons.js';
import { FakeServer, type Load } from './fake-server.js';
import { FleetProcess, type Outage } from './fleet-process.js';
import { SlotLedger, type LostReason } from './slot-ledger.js';

export interface FleetSimulation {
  readonly processes: number;
  /** A whole number of hours. */
  readonly hours: number;
  readonly seed: number;
  readonly crons?: readonly CompanyCron[];
  /** The mean time between two faults of a process, in days: as many kills as cuts of its network. */
  readonly faultDays?: number;
  /** The mean time between two outages of the database, in days. */
  readonly outageDays?: number;
  /** The `jitter` of all crons, in ms. */
  readonly jitter?: number;
  /** Called after each hour. */
  onHour?(hours: number, result: SimulationResult): void;
}

export interface SimulationResult {
  readonly ledger: SlotLedger;
  readonly load: Load;
  /** The faults that were caused. */
  readonly caused: Readonly<Record<'kills' | 'killedRuns' | 'cuts' | 'outages' | 'deployments', number>>;
}

const [hourMs, dayMs] = [3_600_000, 86_400_000];
/** The time after which a slot that has not started is lost, in ms. A claim is tried for up to 20 s. */
const judgeMs = 60_000;
/** The time after an outage in which connections still wait for answers, in ms. */
const recoveryMs = 30_000;
/** Shortly before midnight in Berlin. No slot is due while the processes start. */
const start = Date.UTC(2025, 11, 31, 22, 48);
/** The real function, while time is virtual. */
const { setImmediate: nextTurn } = globalThis;

/** Simulates a fleet in virtual time. The same options have the same result. */
export async function simulateFleet(options: FleetSimulation): Promise<SimulationResult> {
  const clock = virtualClock(start);
  const restore = virtualGlobals(clock);
  const random = new SeededRandom(options.seed);
  Math.random = random.next;
  try {
    return await new SimulatedFleet(options, clock, random).run();
  } finally {
    restore();
  }
}

class SimulatedFleet {
  private readonly options: FleetSimulation;
  private readonly clock: VirtualClock;
  private readonly random: SeededRandom;
  private readonly crons: readonly CompanyCron[];
  private readonly processes = new Map<string, FleetProcess>();
  private readonly server: FakeServer;
  private readonly ledger: SlotLedger;
  private readonly caused = { kills: 0, killedRuns: 0, cuts: 0, outages: 0, deployments: 0 };
  /** When the database was away lately. */
  private outages: Outage[] = [];

  constructor(options: FleetSimulation, clock: VirtualClock, random: SeededRandom) {
    this.options = options;
    this.crons = options.crons ?? companyCrons();
    this.clock = clock;
    this.random = random;
    this.ledger = new SlotLedger(
      (name) => this.processes.has(name),
      () => clock.now(),
    );
    this.server = new FakeServer(clock, random, (claim, { name }) => this.ledger.onClaim(claim, name));
  }

  async run(): Promise<SimulationResult> {
    const { clock, options, random } = this;
    const { processes, hours, faultDays = 10, outageDays = 7 } = options;
    for (let index = 0; index < processes; index++) clock.schedule(() => this.start(index), random.integer(10_000));
    for (const cron of this.crons) this.judge(cron, start + judgeMs);
    this.repeat((faultDays * dayMs) / processes / 2, () => this.kill());
    this.repeat((faultDays * dayMs) / processes / 2, () => this.cut());
    this.repeat(outageDays * dayMs, () => this.takeServerAway());
    for (let day = 3; day < hours / 24; day += 7) clock.schedule(() => this.deploy(), day * dayMs + dayMs / 2);
    for (let hour = 1; hour <= hours; hour++) {
      await this.passTime(hour * hourMs);
      options.onHour?.(hour, this.result);
    }
    // Nothing in the processes is real, so they need not end.
    return this.result;
  }

  private get result(): SimulationResult {
    const { ledger, caused } = this;
    return { ledger, caused, load: this.server.load };
  }

  /** Fires all timers until a time. Promises settle between two instants. */
  private async passTime(until: number): Promise<void> {
    const { clock } = this;
    for (
      let next = clock.pending.first?.delay;
      next !== undefined && next <= until;
      next = clock.pending.first?.delay
    ) {
      while (clock.step(next));
      await new Promise(nextTurn);
    }
  }

  private start(index: number): void {
    const { random } = this;
    // One clock in 50 is wrong by a few seconds, and one in 200 is so far ahead that its process gets no slot.
    const skewMs = random.oneIn(200) ? 8000 : random.oneIn(50) ? random.integer(6000) - 3000 : 0;
    const name = `${index}@${this.clock.frame}`;
    const { crons, server, ledger } = this;
    const { jitter = 0 } = this.options;
    this.processes.set(name, new FleetProcess(name, crons, server, ledger, random, { skewMs, jitter }));
  }

  /** Counts each slot of a cron after it was due. */
  private judge(cron: CompanyCron, after: number): void {
    const { clock, ledger } = this;
    const slot = cron.schedule.next(after);
    if (slot === undefined || slot + judgeMs >= start + this.options.hours * hourMs) return;
    clock.schedule(
      () => {
        ledger.judge(cron.name, slot, this.outageAt(slot));
        this.judge(cron, slot);
      },
      slot + judgeMs - clock.now(),
    );
  }

  /** Returns why no process could claim a slot, if there is a reason. */
  private outageAt(slot: number): LostReason | undefined {
    const [from, until] = [slot - recoveryMs, slot + judgeMs];
    const overlaps = (outage: Outage) => outage.from < until && outage.until > from;
    if (this.outages.some(overlaps)) return 'the database was away';
    const isReachable = ({ startedAt, lastCut }: FleetProcess) => startedAt < slot && !overlaps(lastCut);
    const all = [...this.processes.values()];
    return all.some(isReachable) ? undefined : 'all processes were cut off or had just started';
  }

  private kill(): void {
    const process = this.pick();
    if (!process) return;
    const running = this.ledger.runsOf(process.name);
    this.caused.kills++;
    this.caused.killedRuns += running;
    this.remove(process);
    void process.kill();
    this.restart(process, 1000 + this.random.integer(30_000));
  }

  /** Cuts the network of a process for a while. */
  private cut(): void {
    const process = this.pick();
    if (!process) return;
    this.caused.cuts++;
    const ms = this.random.integer(60_000);
    process.cut(ms);
  }

  private takeServerAway(): void {
    const { clock, random, server } = this;
    if (server.away) return;
    this.caused.outages++;
    // A restart, or a failover.
    const ms = random.oneIn(3) ? random.integer(300_000) : 1000 + random.integer(15_000);
    server.away = true;
    this.outages = this.outages.filter(({ until }) => until > clock.now() - 2 * judgeMs);
    this.outages.push({ from: clock.now(), until: clock.now() + ms });
    clock.schedule(() => (server.away = false), ms);
  }

  /** Replaces one process after the other within an hour. */
  private deploy(): void {
    this.caused.deployments++;
    const all = [...this.processes.values()];
    for (const [index, process] of all.entries())
      this.clock.schedule(
        () => {
          if (!this.processes.has(process.name)) return;
          void process.stop().then(() => this.remove(process));
          this.restart(process, 5000);
        },
        (hourMs * index) / all.length,
      );
  }

  private remove(process: FleetProcess): void {
    this.processes.delete(process.name);
  }

  private restart({ name }: FleetProcess, afterMs: number): void {
    this.clock.schedule(() => this.start(parseInt(name, 10)), afterMs);
  }

  private pick(): FleetProcess | undefined {
    return this.random.pick([...this.processes.values()]);
  }

  /** Repeats an action at random times. */
  private repeat(meanMs: number, action: () => void): void {
    this.clock.schedule(
      () => {
        action();
        this.repeat(meanMs, action);
      },
      Math.ceil(-meanMs * Math.log(1 - this.random.next())),
    );
  }
}
