import { CancelledError } from '../errors/errors.js';
import { Batch } from './batch.js';
import type { JobData } from './job.js';
import type { SubmitOptions } from './queue.js';
import { jobsSchema } from './schema.js';
import type { Ship } from './ship.js';

/** How soon it is looked again for room in a full queue, in ms. */
const lookForRoom = 200;
/** How many jobs are written at a time. */
const most = 500;

export interface Submission<In> {
  readonly id: string;
  readonly data: JobData<In>;
  readonly options: SubmitOptions;
}

/** Writes a queue's jobs down, many at a time, as soon as there is room for them. */
export class Submissions<In> {
  private readonly ship: Ship;
  private readonly queue: string;
  private readonly limit: number;
  private readonly inserts: Batch<Submission<In>, undefined>;

  constructor(ship: Ship, queue: string, limit: number) {
    this.ship = ship;
    this.queue = queue;
    this.limit = limit;
    this.inserts = new Batch((jobs) => this.insert(jobs), Math.min(most, limit));
  }

  async add(job: Submission<In>): Promise<void> {
    await this.inserts.add(job);
  }

  callForWork(): void {
    this.ship.calls.send({ type: 'work', queue: this.queue });
  }

  /** Twice does no harm: they have ids of their own. */
  private async insert(jobs: readonly Submission<In>[]): Promise<undefined[]> {
    const { connection } = this.ship;
    await this.waitForRoom(jobs.length);
    await connection.patiently(() =>
      connection.boss.insert(
        this.queue,
        jobs.map(({ id, data, options: { priority = 0, delay = 0 } }) => ({
          id,
          data,
          priority,
          ...(delay > 0 && { startAfter: new Date(Date.now() + delay) }),
        })),
      ),
    );
    this.callForWork();
    return [];
  }

  private async waitForRoom(jobs: number): Promise<void> {
    const { connection } = this.ship;
    if (this.limit === Infinity) return;
    for (;;) {
      const [row] = await connection.ask<{ waiting: number }>(
        `select count(*)::int as waiting from (
           select from ${jobsSchema(connection.schema)}.job where name = $1 and state < 'active' limit $2
         ) few`,
        [this.queue, this.limit],
      );
      if (!row || row.waiting + jobs <= this.limit) return;
      if (connection.closing) throw new CancelledError('The fleet is closed');
      await new Promise((resolve) => setTimeout(resolve, lookForRoom));
    }
  }
}
