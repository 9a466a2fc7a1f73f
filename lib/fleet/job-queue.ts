import { randomUUID } from 'node:crypto';
import { filter, Observable } from 'rxjs';
import {
  invalid,
  validateArray,
  validateFunction,
  validateMs,
  validateOptions,
  validateString,
  validateInteger,
} from '../util/validate.js';
import { CancelledError } from '../errors/errors.js';
import type { TaskRunner } from '../task/types.js';
import { settledBy } from './connection.js';
import type { JobData, JobHandler, WorkerOptions } from './job.js';
import type { JobEvent } from './job-event.js';
import type { DeadLetter, Queue, QueueOptions, SubmitOptions } from './queue.js';
import { deadOptions, toBossOptions, toPolicy, type QueuePolicy } from './queue-policy.js';
import { failureIn } from './results.js';
import type { Ship } from './ship.js';
import { expectStorable } from './storable.js';
import { Submissions, type Submission } from './submissions.js';
import { worker } from './worker.js';

/** How many dead letters are sent again at a time. */
const most = 500;

/** How a queue stands in the database, and its statements. */
export class JobQueue<In, Out> implements Queue<In, Out> {
  readonly name: string;
  readonly ship: Ship;
  readonly policy: QueuePolicy;
  private readonly submissions: Submissions<In>;
  private opening: Promise<void> | undefined = undefined;

  constructor(ship: Ship, name: string, options: QueueOptions) {
    expectName(name);
    this.policy = toPolicy(options);
    this.ship = ship;
    this.name = name;
    this.submissions = new Submissions(ship, name, this.policy.maxWaiting);
  }

  submit(input: In, options: SubmitOptions = {}): Observable<Out> {
    expectSubmit(options);
    return new Observable((subscriber) => {
      const id = randomUUID();
      const { results } = this.ship;
      let over = false;
      const waiting = results.of<Out>(this.name, id).subscribe({
        next: (value) => subscriber.next(value),
        error: (error: unknown) => ((over = true), subscriber.error(error)),
        complete: () => ((over = true), subscriber.complete()),
      });
      if (waiting.closed) return undefined;
      const submitted = this.write({ id, data: { input, awaited: true }, options }).catch((error: unknown) => {
        over = true;
        subscriber.error(error);
      });
      return () => {
        waiting.unsubscribe();
        if (!over) this.ship.connection.aside(submitted.then(() => over || this.cancel(id)));
      };
    });
  }

  async enqueue(input: In, options: SubmitOptions = {}): Promise<string> {
    expectSubmit(options);
    const id = randomUUID();
    await this.write({ id, data: { input }, options });
    return id;
  }

  result(job: string): Observable<Out> {
    expectJob(job);
    return new Observable((subscriber) => {
      const { connection, results, events } = this.ship;
      const waiting = results.of<Out>(this.name, job).subscribe(subscriber);
      waiting.add(events.follow());
      const look = () => results.look([job]);
      look().then(
        // One that is not there, or no longer, would be waited for for ever.
        (found) => found.has(job) || subscriber.error(new RangeError(invalid('job', `one of ${this.name}`, job))),
        (error: unknown) => subscriber.error(error),
      );
      // It may have ended before others knew that this process follows.
      connection.aside(
        events.listen().then(async () => {
          if (!subscriber.closed) await look();
        }),
      );
      return waiting;
    });
  }

  async cancel(job: string): Promise<boolean> {
    expectJob(job);
    const { connection, calls, events } = this.ship;
    await this.open();
    const response = await connection.patiently(() => connection.boss.cancel(this.name, job));
    const cancelled = settledBy(response).length > 0;
    if (cancelled) {
      calls.send({ type: 'cancel', queue: this.name, job });
      // Whether someone waits for it is not known here.
      events.tell(this.name, job, { type: 'cancelled' }, true);
    }
    return cancelled;
  }

  worker(handler: JobHandler<In, Out>, options: WorkerOptions = {}): TaskRunner<JobEvent> {
    validateFunction('handler', handler);
    return worker(this, handler, options);
  }

  get events$(): Observable<JobEvent> {
    return this.ship.events.all$.pipe(filter(({ queue }) => queue === this.name));
  }

  async deadLetters(limit = 100): Promise<DeadLetter<In>[]> {
    validateInteger('limit', 1, 100_000, limit);
    const { connection } = this.ship;
    await this.open();
    const dead = await connection.patiently(() => connection.boss.findJobs<JobData<In>>(deadOf(this.name), { limit }));
    return dead.map(({ id, data, sourceId, sourceOutput, createdOn }) => ({
      id,
      job: sourceId ?? id,
      input: data.input,
      failure: failureIn(sourceOutput ?? {}),
      at: createdOn,
    }));
  }

  async redrive(ids?: readonly string[]): Promise<number> {
    if (ids !== undefined) validateArray('ids', ids);
    const { connection } = this.ship;
    await this.open();
    // What fails again meanwhile is not sent again, or it might go on for ever.
    const [{ now: createdBefore } = { now: new Date() }] = await connection.ask<{ now: Date }>(
      "select now() + interval '1 ms' as now",
    );
    const options = { createdBefore, limit: most, ...(ids && { ids: [...ids] }) };
    let sent = 0;
    let moved: number;
    do {
      moved = await connection.patiently(() => connection.boss.redrive(deadOf(this.name), options));
      if (moved > 0) this.submissions.callForWork();
      sent += moved;
    } while (moved === most);
    return sent;
  }

  /** Makes the queue in the database, once. */
  open(): Promise<void> {
    // One that could not be made is tried again.
    this.opening ??= this.make().catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  private async write(job: Submission<In>): Promise<void> {
    if (this.ship.connection.closing) throw new CancelledError('The fleet is closed');
    // Here, because in a batch it would fail the others, too.
    expectStorable('input', job.data);
    await this.open();
    const { events } = this.ship;
    if (job.data.awaited || events.following) await events.listen();
    await this.submissions.add(job);
    events.tell(this.name, job.id, { type: 'submitted' });
  }

  private async make(): Promise<void> {
    const { connection, heartbeat } = this.ship;
    const { boss } = connection;
    const dead = deadOf(this.name);
    const options = { ...toBossOptions(this.policy, heartbeat), deadLetter: dead };
    await connection.patiently(async () => {
      await boss.createQueue(dead, deadOptions);
      await boss.createQueue(this.name, options);
      await boss.updateQueue(this.name, options);
    });
  }
}

function deadOf(name: string): string {
  return `${name}.dead`;
}

function expectName(name: unknown): void {
  validateString('name', name);
  if (!/^[\w-]{1,100}$/.test(name as string))
    throw new RangeError(invalid('name', 'up to 100 letters, digits, `_` and `-`', name));
}

function expectJob(job: unknown): void {
  validateString('job', job);
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(job as string))
    throw new RangeError(invalid('job', 'the id of a job', job));
}

function expectSubmit(options: SubmitOptions): void {
  validateOptions(options, ['priority', 'delay']);
  const { priority = 0, delay = 0 } = options;
  validateInteger('priority', -1_000_000, 1_000_000, priority);
  validateMs('delay', delay);
}
