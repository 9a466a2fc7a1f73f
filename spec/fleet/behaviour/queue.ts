import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import {
  concatMap,
  filter,
  firstValueFrom,
  from,
  lastValueFrom,
  mergeMap,
  NEVER,
  Observable,
  range,
  Subject,
  take,
  tap,
  toArray,
} from 'rxjs';
import { CancelledError, DeadlineError, task, taskRunner, withCancel, type RunContext } from 'rxjs-tasks';
import { FleetCancelledError, JobCancelledError, JobError, type Fleet, type JobEvent } from 'rxjs-tasks/fleet';
import { nextEvent } from '../../helpers/fleet.js';
import { rejectionOf } from '../../helpers/rejection.js';
import { TestApplications } from '../../helpers/test-applications.js';
import { deferred } from '../../helpers/tasks.js';
import type { TestFleets } from '../../helpers/test-fleets.js';

/** Specifies what queues do, wherever their jobs are stored. Closes the fleets at the end of its suite. */
export function describeQueue(fleets: TestFleets): void {
  let fleet: Fleet;
  let queues = 0;
  const newName = () => `queue-${++queues}`;
  const apps = new TestApplications(fleets);
  const run = apps.run;

  before(async () => {
    fleet = await fleets.connect({ name: 'one' });
  });
  afterEach(() => apps.stop());
  after(() => fleets.close());

  describe('submit', () => {
    it('emits the result of the handler', async () => {
      const squares = fleet.queue<number, number>(newName());
      run(squares.worker((n) => n * n));
      expect(await lastValueFrom(squares.submit(7).pipe(toArray()))).to.deep.equal([49]);
    });

    it('is awaited, as the context of its run says, unlike a job that is enqueued', async () => {
      const awaited: unknown[] = [];
      const queue = fleet.queue<string>(newName());
      run(queue.worker((_, ctx) => void awaited.push((ctx as RunContext).job?.awaited)));
      await lastValueFrom(queue.submit('a'));
      await lastValueFrom(queue.result(await queue.enqueue('b')));
      expect(awaited).to.deep.equal([true, false]);
    });

    it('submits a job on each subscription', async () => {
      const inputs: number[] = [];
      const queue = fleet.queue<number>(newName());
      run(queue.worker((n) => void inputs.push(n)));
      const job = queue.submit(1);
      expect(inputs).to.deep.equal([]);
      await lastValueFrom(job);
      await lastValueFrom(job);
      expect(inputs).to.deep.equal([1, 1]);
    });

    it('emits undefined for a handler without a value, and null for null', async () => {
      const queue = fleet.queue<boolean>(newName());
      run(queue.worker((isNull) => (isNull ? null : undefined)));
      expect(await lastValueFrom(queue.submit(true))).to.equal(null);
      expect(await lastValueFrom(queue.submit(false))).to.equal(undefined);
    });

    it('emits the last value of a handler that emits several', async () => {
      const queue = fleet.queue<string, string>(newName());
      run(queue.worker((text) => from(text.split(','))));
      expect(await lastValueFrom(queue.submit('a,b,c'))).to.equal('c');
    });

    it('emits a result that is too long for a message', async () => {
      const queue = fleet.queue<number, string>(newName());
      run(queue.worker((n) => 'é'.repeat(n)));
      expect(await lastValueFrom(queue.submit(20_000))).to.equal('é'.repeat(20_000));
    });

    it('fails with a JobError that contains the failure of the last attempt', async () => {
      const queue = fleet.queue<string>(newName(), { retries: 0 });
      run(
        queue.worker((field) => {
          throw new TypeError(`no ${field}`);
        }),
      );
      const error = await lastValueFrom(queue.submit('address')).catch((error: unknown) => error);
      expect(error).to.be.instanceOf(JobError);
      expect((error as JobError).failure).to.deep.equal({ name: 'TypeError', message: 'no address' });
      expect((error as JobError).message).to.equal(`A job of ${queue.name} failed: TypeError: no address`);
    });

    it('fails for an input that JSON cannot represent', async () => {
      const queue = fleet.queue(newName());
      const error = await lastValueFrom(queue.submit(1n)).catch((error: unknown) => error);
      expect(error).to.be.instanceOf(TypeError);
    });

    it('fails with a JobError for an output that JSON cannot represent, and other jobs complete', async () => {
      const queue = fleet.queue<number>(newName(), { retries: 0 });
      run(queue.worker(() => 1n, { concurrency: 3 }));
      const others = fleet.queue<number, number>(newName());
      run(others.worker((n) => n));
      const error = await lastValueFrom(queue.submit(1)).catch((error: unknown) => error);
      expect((error as JobError).failure.name).to.equal('TypeError');
      expect(await lastValueFrom(others.submit(2))).to.equal(2);
    });

    it('cancels a waiting job when its subscriber unsubscribes', async () => {
      const queue = fleet.queue<number>(newName());
      const cancelled = nextEvent(queue.events$, 'cancelled');
      const submitted = nextEvent(queue.events$, 'submitted');
      const subscription = queue.submit(1).subscribe();
      await submitted;
      subscription.unsubscribe();
      const { job } = await cancelled;
      const inputs: number[] = [];
      run(queue.worker((n) => void inputs.push(n)));
      await lastValueFrom(queue.submit(2));
      expect(inputs).to.deep.equal([2]);
      const error = await lastValueFrom(queue.result(job)).catch((error: unknown) => error);
      expect(error).to.be.instanceOf(JobCancelledError);
    });

    it('cancels the context of a running job when its subscriber unsubscribes', async () => {
      const queue = fleet.queue<number>(newName());
      const causes: unknown[] = [];
      const started = nextEvent(queue.events$, 'started');
      const { app } = run(
        queue.worker(async (_, ctx) => {
          await firstValueFrom(ctx.cancelled$);
          causes.push(ctx.cause);
        }),
      );
      const cancelled = nextEvent(queue.events$, 'cancelled');
      const subscription = queue.submit(1).subscribe();
      await started;
      subscription.unsubscribe();
      await cancelled;
      await app.stop();
      expect(causes).to.have.length(1);
      expect(causes[0]).to.be.instanceOf(JobCancelledError);
    });

    it('fails when another caller cancels the job', async () => {
      const queue = fleet.queue<number>(newName());
      const submitted = nextEvent(queue.events$, 'submitted');
      const result = lastValueFrom(queue.submit(1)).catch((error: unknown) => error);
      const { job } = await submitted;
      expect(await queue.cancel(job)).to.equal(true);
      expect(await result).to.be.instanceOf(JobCancelledError);
      expect(await queue.cancel(job)).to.equal(false);
    });

    it('runs jobs with a higher priority first, and a delayed job not before its delay', async () => {
      const queue = fleet.queue<string>(newName());
      const inputs: string[] = [];
      const delay = 1000;
      const enqueuedAt = fleets.now();
      await queue.enqueue('delayed', { delay });
      await queue.enqueue('low', { priority: -1 });
      await queue.enqueue('high', { priority: 1 });
      await queue.enqueue('middle');
      const completed = lastValueFrom(
        queue.events$.pipe(
          filter(({ type }) => type === 'completed'),
          take(4),
        ),
      );
      let delayedAt = 0;
      run(
        queue.worker((input) => {
          if (input === 'delayed') delayedAt = fleets.now();
          else inputs.push(input);
        }),
      );
      await completed;
      expect(inputs).to.deep.equal(['high', 'middle', 'low']);
      expect(delayedAt - enqueuedAt).to.be.at.least(delay);
    });

    it('waits for room in a queue with maxWaiting', async () => {
      const queue = fleet.queue<number>(newName(), { maxWaiting: 2 });
      let submitted = 0;
      const subscription = range(0, 5)
        .pipe(mergeMap((n) => queue.enqueue(n)))
        .subscribe(() => submitted++);
      await fleets.waitUntil(() => submitted >= 2);
      await fleets.pause(600);
      expect(submitted).to.equal(2);
      const completed = lastValueFrom(
        queue.events$.pipe(
          filter(({ type }) => type === 'completed'),
          take(5),
        ),
      );
      run(queue.worker((n) => n));
      await completed;
      await fleets.waitUntil(() => submitted === 5);
      subscription.unsubscribe();
    });

    it('inserts as many jobs as a queue with maxWaiting has room for, and the others later', async () => {
      const queue = fleet.queue<number>(newName(), { maxWaiting: 2 });
      await queue.enqueue(1);
      const [second, third] = [queue.enqueue(2), queue.enqueue(3)];
      await second;
      expect((await queue.jobs()).map(({ input }) => input)).to.deep.equal([1, 2]);
      run(queue.worker((n) => n));
      await third;
    });
  });

  describe('result', () => {
    it('emits the result of a job that was enqueued, during and after its run', async () => {
      const queue = fleet.queue<number, number>(newName());
      const job = await queue.enqueue(3);
      const waiting = lastValueFrom(queue.result(job));
      run(queue.worker((n) => n + 1));
      expect(await waiting).to.equal(4);
      expect(await lastValueFrom(queue.result(job))).to.equal(4);
    });

    it('fails for a job that the queue does not have', async () => {
      const queue = fleet.queue(newName());
      const unknownJob = '00000000-0000-4000-8000-000000000000';
      const error = await lastValueFrom(queue.result(unknownJob)).catch((error: unknown) => error);
      expect(error).to.be.instanceOf(RangeError);
      expect((error as Error).message).to.equal(
        `Expected \`job\` to be a job of ${queue.name}, got \`'${unknownJob}'\` (string)`,
      );
      expect(() => queue.result('x')).to.throw(RangeError, 'Expected `job` to be the id of a job');
    });
  });

  describe('worker', () => {
    it('runs as many jobs at a time as its concurrency', async () => {
      const queue = fleet.queue<number>(newName());
      let [running, maxRunning] = [0, 0];
      run(
        queue.worker(
          async () => {
            maxRunning = Math.max(maxRunning, ++running);
            await fleets.waitUntil(() => maxRunning >= 3);
            await fleets.pause(20);
            running--;
          },
          { concurrency: 3 },
        ),
      );
      await lastValueFrom(range(0, 12).pipe(mergeMap((n) => queue.submit(n))));
      expect(maxRunning).to.equal(3);
    });

    it('retries a failed job, and counts its attempts', async () => {
      const queue = fleet.queue<number, number>(newName(), { retries: 2, backoff: { initial: 0 } });
      const events: string[] = [];
      queue.events$.subscribe(({ type }) => events.push(type));
      run(
        queue.worker((_, __, { attempt }) => {
          if (attempt < 3) throw new Error('not yet');
          return attempt;
        }),
      );
      expect(await lastValueFrom(queue.submit(1))).to.equal(3);
      // A poll may find the result before the event.
      await fleets.waitUntil(() => events.includes('completed'));
      expect(events.filter((type) => type !== 'submitted')).to.deep.equal([
        'started',
        'retrying',
        'started',
        'retrying',
        'started',
        'completed',
      ]);
      const [job] = await queue.jobs();
      expect(job).to.include({ state: 'completed', attempt: 3 }).and.not.have.property('failure');
    });

    it('cancels and fails an attempt at its timeout, and continues', async () => {
      const queue = fleet.queue<number, number>(newName(), { retries: 0, timeout: 50 });
      const causes: unknown[] = [];
      // Ends the handler, because its application waits for it.
      const late = new Subject<number>();
      run(
        queue.worker(async (n, ctx) => {
          if (n > 0) return n;
          ctx.cancelled$.subscribe((cause) => causes.push(cause));
          return firstValueFrom(late);
        }),
      );
      const error = await lastValueFrom(queue.submit(0)).catch((error: unknown) => error);
      expect((error as JobError).failure).to.deep.equal({ name: 'DeadlineError', message: 'Not done within 50 ms' });
      expect(causes[0]).to.be.instanceOf(DeadlineError);
      expect(await lastValueFrom(queue.submit(2))).to.equal(2);
      late.next(0);
    });

    it('emits the events of its jobs', async () => {
      const queue = fleet.queue<number, number>(newName());
      const worker = queue.worker((n) => n + 1);
      const events: JobEvent[] = [];
      worker.results$.subscribe((event) => events.push(event));
      run(worker);
      await lastValueFrom(queue.submit(1));
      await fleets.waitUntil(() => events.length > 1);
      expect(events.map(({ type }) => type)).to.deep.equal(['started', 'completed']);
      expect(events[1]).to.include({ queue: queue.name, by: 'one', attempt: 1 });
    });

    it('reports progress to all processes', async () => {
      const other = await fleets.connect({ name: 'two' });
      const queue = fleet.queue<number>(newName());
      const received = deferred<undefined>();
      const progress = firstValueFrom(
        other.queue(queue.name).events$.pipe(
          filter((event) => event.type === 'progress'),
          tap(() => received.resolve(undefined)),
          take(2),
          toArray(),
        ),
      );
      run(
        queue.worker(async (_, __, job) => {
          job.progress({ done: 1, of: 2 });
          await received.promise;
          job.progress({ done: 2, of: 2 });
        }),
      );
      await lastValueFrom(other.queue<number>(queue.name).submit(1));
      expect((await progress).map((event) => event.progress)).to.deep.equal([
        { done: 1, of: 2 },
        { done: 2, of: 2 },
      ]);
    });

    it('fails the attempt when its progress is too long for a message', async () => {
      const queue = fleet.queue<number>(newName(), { retries: 0 });
      run(queue.worker((_, __, job) => job.progress('x'.repeat(9000))));
      const error = await lastValueFrom(queue.submit(1)).catch((error: unknown) => error);
      expect((error as JobError).failure.name).to.equal('RangeError');
      expect((error as JobError).failure.message).to.match(/^Expected `progress` to be JSON of up to 7500 bytes/);
    });

    it('releases a running job when its application stops, and another process completes it', async () => {
      const other = await fleets.connect({ name: 'two' });
      const queue = fleet.queue<number, string>(newName(), { backoff: { initial: 0 } });
      const { app } = run(queue.worker((): Observable<string> => NEVER));
      const started = nextEvent(queue.events$, 'started');
      const result = lastValueFrom(queue.submit(1));
      await started;
      expect((await app.stop(new Error('deploy'))).clean).to.equal(true);
      run(other.queue<number, string>(queue.name, { backoff: { initial: 0 } }).worker(() => 'done elsewhere'));
      expect(await result).to.equal('done elsewhere');
    });

    it('starts a released job again without a retry, with a higher attempt and a failure named Released', async () => {
      const queue = fleet.queue<number, number>(newName(), { retries: 0 });
      const events: unknown[] = [];
      const subscription = queue.events$.subscribe((event) => {
        if (event.type === 'started') events.push(['started', event.attempt]);
        if (event.type === 'retrying') events.push(['retrying', event.attempt, event.failure.name]);
      });
      const { app } = run(queue.worker((): Observable<number> => NEVER));
      const started = nextEvent(queue.events$, 'started');
      const result = lastValueFrom(queue.submit(1));
      await started;
      await app.stop();
      run(queue.worker((_, __, { attempt }) => attempt));
      expect(await result).to.equal(2);
      subscription.unsubscribe();
      expect(events).to.deep.equal([
        ['started', 1],
        ['retrying', 1, 'Released'],
        ['started', 2],
      ]);
    });

    it('completes a job whose promise is resolved after its application was stopped', async () => {
      const queue = fleet.queue<number, string>(newName());
      const { app } = run(
        queue.worker(async (_, ctx) => {
          await firstValueFrom(ctx.cancelled$);
          await fleets.pause(20);
          return 'resolved';
        }),
      );
      const started = nextEvent(queue.events$, 'started');
      const result = lastValueFrom(queue.submit(1));
      await started;
      await app.stop();
      expect(await result).to.equal('resolved');
    });

    it('completes a job, and ends itself, after the runners that the job has started under its context', async () => {
      const queue = fleet.queue<number, string>(newName());
      const log: string[] = [];
      const step = (name: string) =>
        task('step', {
          execute: () => NEVER,
          finalize: () => fleets.pause(20).then(() => void log.push(name)),
        });
      const worker = queue.worker(async (n, ctx) => {
        taskRunner(step(`step ${n}`))
          .start(ctx)
          .subscribe();
        if (n === 2) await firstValueFrom(ctx.cancelled$);
        return 'done';
      });
      const events: string[] = [];
      worker.events$.subscribe(({ task: path, type }) => events.push(`${path.slice(queue.name.length)} ${type}`));
      const { app } = run(worker);
      await lastValueFrom(queue.submit(1));
      log.push('result 1');
      expect(log).to.deep.equal(['step 1', 'result 1']);
      expect(events).to.include.members(['/job ready', '/job/step finalizing', '/job/step done', '/job done']);
      const started = nextEvent(queue.events$, 'started');
      const result = lastValueFrom(queue.submit(2));
      await started;
      const report = await app.stop();
      expect(log).to.deep.equal(['step 1', 'result 1', 'step 2']);
      expect(await result).to.equal('done');
      expect(report.clean).to.equal(true);
      expect(report.outcomes[0]?.children).to.deep.equal({ started: 2, failed: 0 });
    });

    it('fetches no jobs after its cancel', async () => {
      const queue = fleet.queue<number>(newName());
      const [ctx, cancel] = withCancel();
      const inputs: number[] = [];
      const worker = queue.worker((n) => void inputs.push(n));
      const ended = lastValueFrom(worker.start(ctx).pipe(toArray()));
      await firstValueFrom(worker.ready$.pipe(toArray()));
      cancel();
      await queue.enqueue(1);
      await ended;
      await fleets.pause(100);
      expect(inputs).to.deep.equal([]);
    });
  });

  describe('dead letters', () => {
    it('are listed, and run again after redrive', async () => {
      const queue = fleet.queue<number, number>(newName(), { retries: 0 });
      let broken = true;
      run(
        queue.worker((n) => {
          if (broken) throw new Error('down');
          return n;
        }),
      );
      await lastValueFrom(from([1, 2, 3]).pipe(concatMap((n) => queue.submit(n).pipe(toArray())))).catch(
        () => undefined,
      );
      for (const n of [2, 3]) await lastValueFrom(queue.submit(n)).catch(() => undefined);
      const dead = await queue.deadLetters();
      expect(dead.map(({ input }) => input)).to.deep.equal([1, 2, 3]);
      expect(dead[0]?.failure).to.deep.equal({ name: 'Error', message: 'down' });
      broken = false;
      const completed = nextEvent(queue.events$, 'completed');
      expect(await queue.redrive([dead[1]?.id ?? ''])).to.equal(1);
      expect((await completed).output).to.deep.equal({ value: 2 });
      expect(await queue.redrive()).to.equal(2);
      expect(await queue.deadLetters()).to.deep.equal([]);
    });

    it('can be read and submitted again without the options of the queue, which keeps them', async () => {
      const name = newName();
      let attempts = 0;
      const queue = fleet.queue<number>(name, { retries: 0 });
      run(
        queue.worker(() => {
          attempts++;
          throw new Error('down');
        }),
      );
      await lastValueFrom(queue.submit(1)).catch(() => undefined);
      const operated = fleet.queue<number>(name);
      expect(await operated.deadLetters()).to.have.length(1);
      expect(await operated.cancel(randomUUID())).to.equal(false);
      const failed = nextEvent(queue.events$, 'failed');
      expect(await operated.redrive()).to.equal(1);
      await failed;
      await lastValueFrom(queue.submit(2)).catch(() => undefined);
      expect(attempts).to.equal(3);
    });

    it('are not touched by a redrive of none of them, or of what is no id', async () => {
      const queue = fleet.queue<number>(newName(), { retries: 0 });
      run(queue.worker(() => Promise.reject(new Error('down'))));
      await lastValueFrom(queue.submit(1)).catch(() => undefined);
      expect(await queue.redrive([])).to.equal(0);
      expect((await rejectionOf(queue.redrive(['1']))).message).to.equal(
        "Expected `ids` to be the id of a job, got `'1'` (string)",
      );
      expect(await queue.deadLetters()).to.have.length(1);
      expect(await queue.redrive()).to.equal(1);
    });

    it('of a queue that no process has opened are none', async () => {
      expect(await fleet.queue(newName()).deadLetters()).to.deep.equal([]);
      expect(await fleet.queue(newName()).redrive()).to.equal(0);
    });
  });

  it('runs no jobs after the cancel of the fleet until its resume', async () => {
    const queue = fleet.queue<number, number>(newName());
    const causes: unknown[] = [];
    const started = nextEvent(queue.events$, 'started');
    const { app } = run(
      queue.worker((_, ctx) => {
        ctx.cancelled$.subscribe((cause) => causes.push(cause));
        return NEVER;
      }),
    );
    void lastValueFrom(queue.submit(1)).catch(() => undefined);
    await started;
    try {
      await fleet.cancel('a bad deploy');
      await app;
      expect(causes[0]).to.be.instanceOf(FleetCancelledError);
      const late = queue.worker((n) => n);
      expect(await lastValueFrom(late.start().pipe(toArray()))).to.deep.equal([]);
    } finally {
      await fleet.resume();
    }
    run(queue.worker((n) => n));
    expect(await lastValueFrom(queue.submit(2))).to.equal(2);
  });

  it('fails the streams that wait for a result when the fleet is closed', async () => {
    const other = await fleets.connect();
    const result = lastValueFrom(other.queue(newName()).submit(1)).catch((error: unknown) => error);
    await fleets.pause(50);
    await other.close();
    expect(await result).to.be.instanceOf(CancelledError);
  });

  it('refuses what waits for room when the fleet is closed, and does not insert it later', async () => {
    const name = newName();
    const [queue, other] = [fleet.queue<number>(name, { maxWaiting: 1 }), await fleets.connect()];
    await queue.enqueue(1);
    const full = other.queue<number>(name);
    const waiting = [full.enqueue(2), lastValueFrom(full.submit(3))].map(rejectionOf);
    await fleets.pause(300);
    await other.close();
    for (const error of await Promise.all(waiting)) expect(error).to.be.instanceOf(CancelledError);
    run(queue.worker(() => undefined));
    await queue.enqueue(4);
    await fleets.waitUntil(async () => (await queue.jobs({ state: 'completed' })).length === 2);
    expect((await queue.jobs()).map(({ input }) => input)).to.deep.equal([1, 4]);
  });

  it('refuses submissions and results with a CancelledError after the fleet is closed', async () => {
    const other = await fleets.connect();
    const queue = other.queue(newName());
    const job = await queue.enqueue(1);
    await other.close();
    for (const promise of [lastValueFrom(queue.submit(1)), queue.enqueue(1), lastValueFrom(queue.result(job))])
      expect(await promise.catch((error: unknown) => error)).to.be.instanceOf(CancelledError);
  });

  it('refuses calls after the close with the cause of the cancel of the fleet', async () => {
    const other = await fleets.connect();
    const queue = other.queue(newName());
    const job = await queue.enqueue(1);
    const pending = rejectionOf(lastValueFrom(queue.result(job)));
    try {
      await other.cancel('a bad deploy');
      await other.close();
      const rejections = [
        pending,
        ...[queue.enqueue(1), queue.job(job), lastValueFrom(queue.submit(1))].map(rejectionOf),
      ];
      for (const error of await Promise.all(rejections))
        expect(error)
          .to.be.instanceOf(CancelledError)
          .with.property('cause')
          .that.is.instanceOf(FleetCancelledError)
          .with.property('reason', 'a bad deploy');
    } finally {
      await fleet.resume();
    }
  });

  it('refuses invalid options synchronously', () => {
    const invalidCalls = [
      [() => fleet.queue('a b'), "Expected `name` to be up to 100 letters, digits, `_` and `-`, got `'a b'` (string)"],
      [
        () => fleet.queue('q', { retries: -1 }),
        'Expected `retries` to be a whole number from 0 to 1000, got `-1` (number)',
      ],
      [
        () => fleet.queue('q', { retries: 0.5 }),
        'Expected `retries` to be a whole number from 0 to 1000, got `0.5` (number)',
      ],
      [
        () => fleet.queue('q', { timeout: 0 }),
        'Expected `timeout` to be a number from 1 to 86400000, got `0` (number)',
      ],
      [
        () => fleet.queue('q', { maxWaiting: 1.5 }),
        'Expected `maxWaiting` to be a whole number from 1 and up, got `1.5` (number)',
      ],
      [
        () => fleet.queue('q').result('1355BCF9-06E2-4AD2-8476-10D60CE5D111'),
        'Expected `job` to be the id of a job, got',
      ],
      [
        () => fleet.queue('q', { maxWaiting: 0 }),
        'Expected `maxWaiting` to be a whole number from 1 and up, got `0` (number)',
      ],
      [
        () => fleet.queue('q', { backoff: { initial: 5, max: 1 } }),
        'Expected `backoff.max` to be a number from 5 to 86400000, got `1` (number)',
      ],
      [
        () => fleet.queue('q').worker(() => 1, { concurrency: 1.5 }),
        'Expected `concurrency` to be a whole number from 1 to 10000, got `1.5` (number)',
      ],
      [
        () => fleet.queue('q').worker(() => 1, { concurrency: 0 }),
        'Expected `concurrency` to be a whole number from 1 to 10000, got `0` (number)',
      ],
      [
        () => fleet.queue('q').submit(1, { priority: 0.5 }),
        'Expected `priority` to be a whole number from -1000000 to 1000000, got `0.5` (number)',
      ],
    ] as const;
    for (const [call, message] of invalidCalls) expect(call).to.throw(message);
    expect(() => fleet.queue('q').worker(1 as never)).to.throw(TypeError, 'Expected `handler` to be a function');
    expect(() => fleet.queue('q', { retry: 1 } as never)).to.throw(
      TypeError,
      /^Expected an option of `queue`, got `retry`; did you mean `retries`\?/,
    );
  });
}
