import { CancelledError } from '../errors/errors.js';
import { Batcher } from './batcher.js';
import type { FleetServices } from './fleet-services.js';
import type { JobData } from './job-row.js';
import type { SubmitOptions } from './queue-types.js';
import { jobsSchema } from './schema-names.js';

/** The interval between polls for room in a full queue, in ms. */
const roomPollMs = 200;
/** The maximum number of jobs in one statement. */
const maxBatch = 500;

export interface NewJob<In> {
  readonly id: string;
  readonly data: JobData<In>;
  readonly options: SubmitOptions;
}

/** Inserts the jobs of a queue in batches, as soon as the queue has room for them. */
export class JobInserter<In> {
  private readonly services: FleetServices;
  private readonly queue: string;
  private readonly maxWaiting: number;
  private readonly batcher: Batcher<NewJob<In>, undefined>;

  constructor(services: FleetServices, queue: string, maxWaiting: number) {
    this.services = services;
    this.queue = queue;
    this.maxWaiting = maxWaiting;
    this.batcher = new Batcher((jobs) => this.insertBatch(jobs), Math.min(maxBatch, maxWaiting));
  }

  async insert(job: NewJob<In>): Promise<void> {
    await this.batcher.add(job);
  }

  notifyWorkers(): void {
    this.services.control.send({ type: 'work', queue: this.queue });
  }

  private async insertBatch(jobs: readonly NewJob<In>[]): Promise<undefined[]> {
    const { database } = this.services;
    await this.waitForRoom(jobs.length);
    // A retry does not insert a job twice, because each job has its own id.
    await database.retry(() =>
      database.boss.insert(
        this.queue,
        jobs.map(({ id, data, options: { priority = 0, delay = 0 } }) => ({
          id,
          data,
          priority,
          ...(delay > 0 && { startAfter: new Date(Date.now() + delay) }),
        })),
      ),
    );
    this.notifyWorkers();
    return [];
  }

  private async waitForRoom(jobs: number): Promise<void> {
    const { database } = this.services;
    if (this.maxWaiting === Infinity) return;
    for (;;) {
      const [row] = await database.queryWithRetry<{ waiting: number }>(
        `select count(*)::int as waiting from (
           select from ${jobsSchema(database.schema)}.job where name = $1 and state < 'active' limit $2
         ) few`,
        [this.queue, this.maxWaiting],
      );
      if (!row || row.waiting + jobs <= this.maxWaiting) return;
      if (database.closing) throw new CancelledError('The fleet is closed');
      await new Promise((resolve) => setTimeout(resolve, roomPollMs));
    }
  }
}
