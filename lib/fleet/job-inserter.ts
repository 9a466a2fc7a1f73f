import { CancelledError } from '../errors/errors.js';
import { Batcher } from './batcher.js';
import { kindOf } from './connection-errors.js';
import { QueueFullError } from './errors.js';
import type { NewJob } from './job-store.js';
import type { QueueHandle } from './queue-handle.js';
import type { QueryClient } from './queue-types.js';
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

/** The result of the insertion of a job: the id of the job, or of another with its key; or the reason of a refusal. */
type Inserted = { readonly id: string } | { readonly refusal: Error };

/** Inserts the jobs of a queue in batches, as soon as the queue has room for them. */
export class JobInserter<In> {
  private readonly queue: QueueHandle;
  private open: Batcher<NewJob<In>, Inserted> | undefined = undefined;

  constructor(queue: QueueHandle) {
    this.queue = queue;
  }

  /** Created at the first job, because the queue is open by then, and its policy known. */
  private get batcher(): Batcher<NewJob<In>, Inserted> {
    const { maxWaiting } = this.queue.policy;
    return (this.open ??= new Batcher((jobs) => this.insertBatch(jobs, maxWaiting), {
      maxCount: Math.min(maxBatch, maxWaiting),
      // While one batch is written to the disk, the server can work on the next. A full queue takes one at a time.
      maxConcurrent: maxWaiting === Infinity ? 2 : 1,
      length: { lengthOf: ({ length }) => length, max: maxBatchLength },
    }));
  }

  /**
   * Returns the id of the job, or of the one with its key that is in its place.
   *
   * @throws TypeError if the database cannot store the input.
   */
  async insert(job: NewJob<In>): Promise<string> {
    const inserted = await this.batcher.add(job);
    if ('refusal' in inserted) throw inserted.refusal;
    return inserted.id;
  }

  /**
   * Inserts jobs within the transaction of a client. An error does not abort the transaction. Workers are notified when
   * it is committed.
   *
   * @throws QueueFullError; TypeError if the database cannot store an input.
   */
  async insertWithin(client: QueryClient, jobs: readonly NewJob<In>[]): Promise<string[]> {
    const { name, services, policy } = this.queue;
    const { database, control } = services;
    if (policy.maxWaiting !== Infinity) {
      const { rows } = await client.query(countWaiting(database.schema), [name, policy.maxWaiting]);
      const [{ waiting = 0 } = {}] = rows as { waiting?: number }[];
      if (waiting + jobs.length > policy.maxWaiting) throw new QueueFullError(name, policy.maxWaiting);
    }
    await client.query('savepoint rxjs_tasks', []);
    try {
      const replaced = await services.jobs.insert(name, jobs, client);
      await control.sendWithin(client, { type: 'work', queue: name });
      await client.query('release savepoint rxjs_tasks', []);
      return jobs.map(({ id }) => replaced.get(id) ?? id);
    } catch (error) {
      await client.query('rollback to savepoint rxjs_tasks', []);
      throw kindOf(error) === 'value' ? notStorable(error) : error;
    }
  }

  notifyWorkers(): void {
    this.queue.services.control.send({ type: 'work', queue: this.queue.name });
  }

  private async insertBatch(jobs: readonly NewJob<In>[], maxWaiting: number): Promise<Inserted[]> {
    const results = new Map<string, Inserted>();
    await this.waitForRoom(jobs, maxWaiting);
    await this.insertPart(
      jobs.filter(({ dropped }) => !dropped),
      results,
    );
    this.notifyWorkers();
    return jobs.map(({ id }) => results.get(id) ?? { id });
  }

  /** Inserts jobs, and the halves of a part that the server has refused. */
  private async insertPart(jobs: readonly NewJob<In>[], results: Map<string, Inserted>): Promise<void> {
    if (jobs.length === 0) return;
    const { name, services } = this.queue;
    try {
      // A retry does not insert a job twice, because each job has its own id.
      const replaced = await services.database.retry(() => services.jobs.insert(name, jobs));
      for (const [id, other] of replaced) results.set(id, { id: other });
    } catch (error) {
      if (kindOf(error) !== 'value') throw error;
      const [job] = jobs;
      const half = jobs.length >> 1;
      if (half === 0 && job) results.set(job.id, { refusal: notStorable(error) });
      else for (const part of [jobs.slice(0, half), jobs.slice(half)]) await this.insertPart(part, results);
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
      const values = [name, maxWaiting];
      const [row] = await database.queryWithRetry<{ waiting: number }>(countWaiting(database.schema), values);
      if (!row || row.waiting + count <= maxWaiting) return;
      if (database.closing) throw new CancelledError('The fleet is closed');
      if (performance.now() - startedAt > fullReportMs)
        database.onDegraded(`Queue ${name} is full. A handler that submits to its own full queue waits for ever`);
      await new Promise((resolve) => setTimeout(resolve, roomPollMs));
    }
  }
}

/** Returns the statement that counts the waiting jobs of the queue `$1`, those with a delay not counted, up to `$2`. */
function countWaiting(schema: string): string {
  return `select count(*)::int as waiting from (
    select from ${jobsSchema(schema)}.job where name = $1 and state < 'active' and start_after <= now() limit $2
  ) few`;
}

function notStorable(error: unknown): TypeError {
  return new TypeError(`The database cannot store \`input\`: ${messageOf(error)}`, { cause: error });
}
