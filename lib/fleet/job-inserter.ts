import { CancelledError } from '../errors/errors.js';
import { Batcher } from './batcher.js';
import { kindOf } from './connection-errors.js';
import type { JobData } from './job-row.js';
import type { QueueHandle } from './queue-handle.js';
import type { SubmitOptions } from './queue-types.js';
import { jobsSchema } from './schema-names.js';
import { messageOf } from '../util/describe-error.js';

/** The interval between polls for room in a full queue, in ms. */
const roomPollMs = 200;
/** The time without room after which a full queue is reported, in ms. */
const fullReportMs = 10_000;
/** The maximum number of jobs in one statement. */
const maxBatch = 500;
/** The maximum length of the inputs in one statement, in characters. A single longer input has its own. */
const maxBatchLength = 4_000_000;

export interface NewJob<In> {
  readonly id: string;
  readonly data: JobData<In>;
  readonly options: SubmitOptions;
  /** The length of the data's JSON, in characters. */
  readonly length: number;
  /** Whether the caller no longer wants the job, so that it is not inserted. */
  dropped?: boolean;
}

/** Inserts the jobs of a queue in batches, as soon as the queue has room for them. */
export class JobInserter<In> {
  private readonly queue: QueueHandle;
  private open: Batcher<NewJob<In>, Error | undefined> | undefined = undefined;

  constructor(queue: QueueHandle) {
    this.queue = queue;
  }

  /**
   * Created at the first job, because the queue is open by then, and its policy known. The result of a job is the error
   * with which the server has refused it.
   */
  private get batcher(): Batcher<NewJob<In>, Error | undefined> {
    const { maxWaiting } = this.queue.policy;
    return (this.open ??= new Batcher((jobs) => this.insertBatch(jobs, maxWaiting), {
      maxCount: Math.min(maxBatch, maxWaiting),
      // While one batch is written to the disk, the server can work on the next. A full queue takes one at a time.
      maxConcurrent: maxWaiting === Infinity ? 2 : 1,
      length: { lengthOf: ({ length }) => length, max: maxBatchLength },
    }));
  }

  /** @throws TypeError if the database cannot store the input. */
  async insert(job: NewJob<In>): Promise<void> {
    const refusal = await this.batcher.add(job);
    if (refusal) throw refusal;
  }

  notifyWorkers(): void {
    this.queue.services.control.send({ type: 'work', queue: this.queue.name });
  }

  private async insertBatch(jobs: readonly NewJob<In>[], maxWaiting: number): Promise<(Error | undefined)[]> {
    const refusals = new Map<NewJob<In>, Error>();
    await this.waitForRoom(jobs, maxWaiting);
    await this.insertPart(
      jobs.filter(({ dropped }) => !dropped),
      refusals,
    );
    this.notifyWorkers();
    return jobs.map((job) => refusals.get(job));
  }

  /** Inserts jobs, and the halves of a part that the server has refused. */
  private async insertPart(jobs: readonly NewJob<In>[], refusals: Map<NewJob<In>, Error>): Promise<void> {
    if (jobs.length === 0) return;
    const { name, services } = this.queue;
    const { database } = services;
    try {
      // A retry does not insert a job twice, because each job has its own id.
      await database.retry(() => database.boss.insert(name, jobs.map(toBossJob)));
    } catch (error) {
      if (kindOf(error) !== 'value') throw error;
      const [job] = jobs;
      const half = jobs.length >> 1;
      if (half === 0 && job) refusals.set(job, notStorable(error));
      else for (const part of [jobs.slice(0, half), jobs.slice(half)]) await this.insertPart(part, refusals);
    }
  }

  private async waitForRoom(jobs: readonly NewJob<In>[], maxWaiting: number): Promise<void> {
    const { name, services } = this.queue;
    const { database } = services;
    if (maxWaiting === Infinity) return;
    const startedAt = performance.now();
    for (;;) {
      const count = jobs.filter(({ dropped }) => !dropped).length;
      if (count === 0) return;
      const [row] = await database.queryWithRetry<{ waiting: number }>(
        `select count(*)::int as waiting from (
           select from ${jobsSchema(database.schema)}.job
           where name = $1 and state < 'active' and start_after <= now() limit $2
         ) few`,
        [name, maxWaiting],
      );
      if (!row || row.waiting + count <= maxWaiting) return;
      if (database.closing) throw new CancelledError('The fleet is closed');
      if (performance.now() - startedAt > fullReportMs)
        database.onDegraded(`Queue ${name} is full. A handler that submits to its own full queue waits for ever`);
      await new Promise((resolve) => setTimeout(resolve, roomPollMs));
    }
  }
}

/** Delays are intervals, so that the database's clock decides when they end. */
function toBossJob<In>({ id, data, options }: NewJob<In>): object {
  const { priority = 0, delay = 0 } = options;
  const startAfter = typeof delay === 'number' ? `${delay} milliseconds` : delay.toISOString();
  return { id, data, priority, ...(delay !== 0 && { startAfter }) };
}

function notStorable(error: unknown): TypeError {
  return new TypeError(`The database cannot store \`input\`: ${messageOf(error)}`, { cause: error });
}
