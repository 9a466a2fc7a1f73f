import { Batcher } from './batcher.js';
import { closedError } from './closed-error.js';
import { kindOf, stateOf } from './connection-errors.js';
import type { ControlMessage } from './control-message.js';
import { QueueFullError } from './errors.js';
import { deleteOldKeys } from './job-keys.js';
import { countWaiting } from './job-statements.js';
import type { AcceptedJob, InsertedJob, NewJob } from './job-store.js';
import type { QueueHandle } from './queue-handle.js';
import { rowsOf } from './query-client.js';
import type { QueryClient } from './queue-types.js';
import { messageOf } from '../util/describe-error.js';
import { takeTurn } from '../util/take-turn.js';

/** The interval between polls for room in a full queue, in ms. */
const roomPollMs = 200;
/** The time without room after which a full queue is reported, in ms. */
const fullReportMs = 10_000;
/** The shortest time between two deletions of old keys, in ms. */
const deleteMs = 60_000;
/** The maximum number of jobs in one statement. */
const maxBatch = 500;
/** The maximum length of the inputs in one statement, in characters. A single longer input has its own. */
const maxBatchLength = 4_000_000;

/** The SQLSTATEs of a savepoint without a transaction, and of a schema that does not exist. */
const [noTransaction, noSchema] = ['25P01', '3F000'];

/** Inserts the jobs of a queue in batches, as soon as the queue has room for them. */
export class JobInserter<In> {
  private readonly queue: QueueHandle;
  private lastDeleteAt = -Infinity;
  private open: Batcher<NewJob<In>, InsertedJob> | undefined = undefined;

  constructor(queue: QueueHandle) {
    this.queue = queue;
  }

  /** Created at the first job, because the queue is open by then, and its policy known. */
  private get batcher(): Batcher<NewJob<In>, InsertedJob> {
    const { maxWaiting } = this.queue.policy;
    return (this.open ??= new Batcher((jobs) => this.insertBatch(jobs), {
      maxCount: maxBatch,
      // While one batch is written to the disk, the server can work on the next. A full queue takes one at a time.
      maxConcurrent: maxWaiting === Infinity ? 2 : 1,
      length: { lengthOf: ({ length }) => length, max: maxBatchLength },
      ...(maxWaiting < Infinity && { room: (jobs: readonly NewJob<In>[]) => this.waitForRoom(jobs, maxWaiting) }),
    }));
  }

  /**
   * Returns the job, or the one with its key that is in its place.
   *
   * @throws TypeError if the database cannot store the input; RangeError if a dependency does not exist.
   */
  async insert(job: NewJob<In>): Promise<AcceptedJob> {
    const inserted = await this.batcher.add(job);
    if ('refusal' in inserted) throw inserted.refusal;
    return inserted;
  }

  /**
   * Inserts jobs within the transaction of a client. An error does not abort the transaction. Calls with the same
   * client follow one another: to undo its own part, one would also undo those of the others that began later.
   *
   * @param notify whether the workers are notified when the transaction is committed.
   * @throws QueueFullError; TypeError if the database cannot store an input, and for a client of another database;
   * RangeError if a dependency does not exist.
   */
  insertWithin(client: QueryClient, jobs: readonly NewJob<In>[], notify: boolean): Promise<string[]> {
    return takeTurn(client, () => this.insertPartWithin(client, jobs, notify));
  }

  notifyWorkers(): void {
    this.queue.services.control.send(this.work);
  }

  private get work(): ControlMessage {
    return { type: 'work', queue: this.queue.name };
  }

  private async insertPartWithin(client: QueryClient, jobs: readonly NewJob<In>[], notify: boolean): Promise<string[]> {
    await begin(client);
    try {
      await this.validateRoom(client, jobs.length);
      const replaced = new Map<string, string>();
      for (const part of toParts(jobs))
        for (const [id, inserted] of await this.queue.services.jobs.insert(this.queue.name, part, client)) {
          if ('refusal' in inserted) throw inserted.refusal;
          replaced.set(id, inserted.id);
        }
      if (notify) await this.queue.services.control.sendWithin(client, this.work);
      await client.query('release savepoint rxjs_tasks', []);
      return jobs.map(({ id }) => replaced.get(id) ?? id);
    } catch (error) {
      // Without a connection this fails, too, and the first error says why.
      await client.query('rollback to savepoint rxjs_tasks', []).catch(() => undefined);
      if (stateOf(error) === noSchema)
        throw new TypeError('Expected `db` to be a client of the database of the fleet', { cause: error });
      // An error without a code is none of the database, but a refusal, or one of the client.
      throw kindOf(error) === 'value' && stateOf(error) !== '' ? notStorable(error) : error;
    }
  }

  private async insertBatch(jobs: readonly NewJob<In>[]): Promise<InsertedJob[]> {
    const results = new Map<string, InsertedJob>();
    await this.insertPart(
      jobs.filter(({ dropped }) => !dropped),
      results,
    );
    const isNotified = jobs.every(({ id }) => isVolatile(results.get(id)));
    if (isNotified) this.queue.services.control.emitHere(this.work);
    else this.notifyWorkers();
    // They may have ended while the jobs were inserted.
    const dependencies = jobs.flatMap(({ id, options }) => (results.has(id) ? [] : (options.after ?? [])));
    this.queue.services.dependents.settleInBackground([...new Set(dependencies)]);
    if (jobs.some(({ options }) => options.key !== undefined)) this.deleteOldKeys();
    return jobs.map(({ id }) => results.get(id) ?? { id });
  }

  /** Deletes old keys, from time to time, while the queue has jobs with keys. */
  private deleteOldKeys(): void {
    const { name, services } = this.queue;
    if (performance.now() - this.lastDeleteAt < deleteMs) return;
    this.lastDeleteAt = performance.now();
    services.database.runInBackground(deleteOldKeys(services.database, name));
  }

  /** Inserts jobs, and the halves of a part that the server has refused. */
  private async insertPart(jobs: readonly NewJob<In>[], results: Map<string, InsertedJob>): Promise<void> {
    if (jobs.length === 0) return;
    const { name, services } = this.queue;
    try {
      // A retry does not insert a job twice, because each job has its own id.
      const message = services.control.payloadOf([this.work]);
      const replaced = await services.database.retry(() => services.jobs.insert(name, jobs, undefined, message));
      for (const [id, inserted] of replaced) results.set(id, inserted);
    } catch (error) {
      if (kindOf(error) !== 'value') throw error;
      const [job] = jobs;
      const half = jobs.length >> 1;
      if (half === 0 && job) results.set(job.id, { refusal: notStorable(error) });
      else for (const part of [jobs.slice(0, half), jobs.slice(half)]) await this.insertPart(part, results);
    }
  }

  private async validateRoom(client: QueryClient, count: number): Promise<void> {
    const { name, services, policy } = this.queue;
    if (policy.maxWaiting === Infinity) return;
    const rows = await rowsOf(client, countWaiting(services.database.schema), [name, policy.maxWaiting]);
    const [{ waiting = 0 } = {}] = rows as { waiting?: number }[];
    if (waiting + count > policy.maxWaiting) throw new QueueFullError(name, policy.maxWaiting);
  }

  /** Returns the number of jobs that the queue has room for, as soon as that is one. */
  private async waitForRoom(jobs: readonly NewJob<In>[], maxWaiting: number): Promise<number> {
    const { name, services } = this.queue;
    const { database, master } = services;
    const startedAt = performance.now();
    for (;;) {
      if (jobs.every(({ dropped }) => dropped)) return jobs.length;
      const values = [name, maxWaiting];
      const [row] = await database.queryWithRetry<{ waiting: number }>(countWaiting(database.schema), values);
      const room = maxWaiting - (row?.waiting ?? 0);
      if (room > 0) return room;
      if (database.closing) throw closedError(master.context.cause);
      if (performance.now() - startedAt > fullReportMs)
        database.onDegraded(`Queue ${name} is full. A handler that submits to its own full queue waits for ever`);
      await new Promise((resolve) => setTimeout(resolve, roomPollMs));
    }
  }
}

/** Whether a crash may undo the insertion, so that its statement has notified the workers. */
function isVolatile(inserted: InsertedJob | undefined): boolean {
  return inserted !== undefined && 'mark' in inserted;
}

/**
 * Begins a part of the transaction that can be undone alone.
 *
 * @throws TypeError if the client has begun no transaction.
 */
async function begin(client: QueryClient): Promise<void> {
  try {
    await client.query('savepoint rxjs_tasks', []);
  } catch (error) {
    if (stateOf(error) !== noTransaction) throw error;
    throw new TypeError('Expected `db` to be a client that has begun a transaction. Execute `begin` first', {
      cause: error,
    });
  }
}

/** Divides jobs into those of one statement each. A single longer input has its own. */
function toParts<In>(jobs: readonly NewJob<In>[]): NewJob<In>[][] {
  const parts: NewJob<In>[][] = [];
  let total = 0;
  for (const job of jobs) {
    const part = parts.at(-1);
    total += job.length;
    if (part && part.length < maxBatch && total <= maxBatchLength) part.push(job);
    else {
      parts.push([job]);
      total = job.length;
    }
  }
  return parts;
}

function notStorable(error: unknown): TypeError {
  return new TypeError(`The database cannot store \`input\`: ${messageOf(error)}`, { cause: error });
}
