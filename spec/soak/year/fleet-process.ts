import type { PgBoss } from 'pg-boss';
import { asyncScheduler, Observable, type SchedulerLike } from 'rxjs';
import { cron, launch, task, type Application } from '../../../lib/index.js';
import { parseControlMessage, type ControlMessage } from '../../../lib/fleet/control-message.js';
import { CronPauses } from '../../../lib/fleet/cron-pauses.js';
import { FleetDatabase } from '../../../lib/fleet/fleet-database.js';
import { Leases } from '../../../lib/fleet/leases.js';
import { NotifyChannel } from '../../../lib/fleet/notify-channel.js';
import { StatusPoller } from '../../../lib/fleet/status-poller.js';
import { fakeConnection } from '../../helpers/fake-database.js';
import type { SeededRandom } from '../seeded-random.js';
import type { CompanyCron } from './company-crons.js';
import type { FakeServer, Sender } from './fake-server.js';
import type { SlotLedger } from './slot-ledger.js';

/** The connections of a process to the server: the default of a fleet. */
const maxConnections = 4;

/** A time, in ms, in which something is away. */
export interface Outage {
  readonly from: number;
  readonly until: number;
}

/** A process of the fleet: the crons of the library, and its coordinator, which is connected to a fake server. */
export class FleetProcess implements Sender {
  readonly name: string;
  alive = true;
  readonly startedAt: number = Date.now();
  /** When its network was last cut. */
  lastCut: Outage = { from: -Infinity, until: -Infinity };
  private readonly server: FakeServer;
  private readonly leases: Leases;
  private readonly app: Application;
  private connections = 0;
  private readonly waiting: (() => void)[] = [];

  /** @param options the difference of its clock from the server's, and the `jitter` of its crons, in ms. */
  constructor(
    name: string,
    crons: readonly CompanyCron[],
    server: FakeServer,
    ledger: SlotLedger,
    random: SeededRandom,
    { skewMs, jitter }: { readonly skewMs: number; readonly jitter: number },
  ) {
    this.name = name;
    this.server = server;
    const db = { executeSql: (sql: string, values: unknown[]) => this.query(sql, values) };
    const boss = { getDb: () => db, on: () => undefined } as unknown as PgBoss;
    const database = new FleetDatabase(boss, 'fleet', fakeConnection);
    database.events$.subscribe();
    const control = new NotifyChannel<ControlMessage>(database, 'fleet', parseControlMessage);
    // Never started: 1,000 polls a second are known, and would be all that is simulated.
    const poller = new StatusPoller(database, control);
    this.leases = new Leases(database, poller, new CronPauses(database, poller), name);
    const runners = crons.map(({ name: cronName, schedule, meanMs }) =>
      cron(
        task(
          cronName,
          ({ slot = NaN }) =>
            new Observable<never>((subscriber) => {
              ledger.onStart(name, cronName, slot);
              let completed = false;
              const timer = setTimeout(
                () => {
                  completed = true;
                  subscriber.complete();
                },
                Math.ceil(meanMs * Math.min(3, -Math.log(1 - random.next()))),
              );
              return () => {
                clearTimeout(timer);
                ledger.onEnd(name, cronName, slot, completed);
              };
            }),
        ),
        schedule,
        { coordinator: this.leases, jitter },
      ),
    );
    this.app = launch(runners, { scheduler: skewed(skewMs), observer: () => undefined });
  }

  get partitioned(): boolean {
    return this.lastCut.until > Date.now();
  }

  /** Cuts its network for a while. */
  cut(ms: number): void {
    this.lastCut = { from: Date.now(), until: Date.now() + ms };
  }

  /** Ends the process as a deployment does. */
  async stop(): Promise<void> {
    await this.app.stop();
    await this.leases.close();
    this.alive = false;
  }

  /** Ends the process at once. Nothing that it still does gets out. */
  async kill(): Promise<void> {
    this.alive = false;
    await this.stop();
  }

  /** Executes a statement with one of its connections. */
  private async query(sql: string, values: readonly unknown[]): Promise<{ rows: unknown[] }> {
    while (this.alive && this.connections === maxConnections)
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (!this.alive) throw new Error('Connection terminated');
    this.connections++;
    try {
      return await this.server.query(this, sql, values);
    } finally {
      this.connections--;
      this.waiting.shift()?.();
    }
  }
}

/** Returns the scheduler of a process whose clock differs. */
function skewed(ms: number): SchedulerLike {
  if (ms === 0) return asyncScheduler;
  return {
    now: () => asyncScheduler.now() + ms,
    schedule: (...args: Parameters<SchedulerLike['schedule']>) => asyncScheduler.schedule(...args),
  };
}
