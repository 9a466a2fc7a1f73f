import { expect } from 'chai';
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
  timer,
  toArray,
} from 'rxjs';
import { CancelledError, DeadlineError, launch, withCancel, type Application, type Runnable } from 'rxjs-tasks';
import { FleetCancelledError, JobCancelledError, JobError, type Fleet, type JobEvent } from 'rxjs-tasks/fleet';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';

describe('a queue', () => {
  const fleets = new Fleets();
  let fleet: Fleet;
  let names = 0;
  const apps: Application[] = [];
  const name = () => `queue-${++names}`;
  /** Has runnables run until the end of the test. */
  const run = (...runnables: Runnable[]) => {
    const app = launch(runnables);
    apps.push(app);
    return { app };
  };

  before(async () => {
    fleet = await fleets.connect({ name: 'one' });
  });
  after(() => fleets.close());
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
  });

  describe('submit', () => {
    it('gives the result of the handler', async () => {
      const squares = fleet.queue<number, number>(name());
      run(squares.worker((n) => n * n));
      expect(await lastValueFrom(squares.submit(7).pipe(toArray()))).to.deep.equal([49]);
    });

    it('is cold: each subscription is a job', async () => {
      const inputs: number[] = [];
      const queue = fleet.queue<number>(name());
      run(queue.worker((n) => void inputs.push(n)));
      const job = queue.submit(1);
      expect(inputs).to.deep.equal([]);
      await lastValueFrom(job);
      await lastValueFrom(job);
      expect(inputs).to.deep.equal([1, 1]);
    });

    it('gives undefined for no value at all, and null for null', async () => {
      const queue = fleet.queue<boolean>(name());
      run(queue.worker((is) => (is ? null : undefined)));
      expect(await lastValueFrom(queue.submit(true))).to.equal(null);
      expect(await lastValueFrom(queue.submit(false))).to.equal(undefined);
    });

    it('gives the last value of a handler that yields several', async () => {
      const queue = fleet.queue<string, string>(name());
      run(queue.worker((text) => from(text.split(','))));
      expect(await lastValueFrom(queue.submit('a,b,c'))).to.equal('c');
    });

    it('gives a result that is too long for a message', async () => {
      const queue = fleet.queue<number, string>(name());
      run(queue.worker((n) => 'é'.repeat(n)));
      expect(await lastValueFrom(queue.submit(20_000))).to.equal('é'.repeat(20_000));
    });

    it('errors with a JobError that says what the last attempt failed with', async () => {
      const queue = fleet.queue<string>(name(), { retries: 0 });
      run(
        queue.worker((what) => {
          throw new TypeError(`no ${what}`);
        }),
      );
      const error = await lastValueFrom(queue.submit('address')).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(JobError);
      expect((error as JobError).failure).to.deep.equal({ name: 'TypeError', message: 'no address' });
      expect((error as JobError).message).to.equal(`A job of ${queue.name} failed: TypeError: no address`);
    });

    it('errors for an input that JSON cannot hold, and submits nothing', async () => {
      const queue = fleet.queue(name());
      const error = await lastValueFrom(queue.submit(1n)).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(TypeError);
    });

    it('fails an attempt whose output JSON cannot hold', async () => {
      const queue = fleet.queue<number>(name(), { retries: 0 });
      run(queue.worker(() => 1n, { concurrency: 3 }));
      const others = fleet.queue<number, number>(name());
      run(others.worker((n) => n));
      const error = await lastValueFrom(queue.submit(1)).catch((reason: unknown) => reason);
      expect((error as JobError).failure.name).to.equal('TypeError');
      expect(await lastValueFrom(others.submit(2))).to.equal(2);
    });

    it('cancels a job that waits when it is unsubscribed', async () => {
      const queue = fleet.queue<number>(name());
      const cancelled = firstValueFrom(queue.events$.pipe(filter(({ type }) => type === 'cancelled')));
      const submitted = firstValueFrom(queue.events$.pipe(filter(({ type }) => type === 'submitted')));
      const waiting = queue.submit(1).subscribe();
      await submitted;
      waiting.unsubscribe();
      const { job } = await cancelled;
      const inputs: number[] = [];
      run(queue.worker((n) => void inputs.push(n)));
      await lastValueFrom(queue.submit(2));
      expect(inputs).to.deep.equal([2]);
      const error = await lastValueFrom(queue.result(job)).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(JobCancelledError);
    });

    it('cancels a job that is unsubscribed before it is in the database', async () => {
      const queue = fleet.queue<number>(name());
      const cancelled = firstValueFrom(queue.events$.pipe(filter(({ type }) => type === 'cancelled')));
      queue.submit(1).subscribe().unsubscribe();
      await cancelled;
    });

    it('cancels the context of a job under way when it is unsubscribed', async () => {
      const queue = fleet.queue<number>(name());
      const causes: unknown[] = [];
      const started = firstValueFrom(queue.events$.pipe(filter(({ type }) => type === 'started')));
      const { app } = run(
        queue.worker(async (_, ctx) => {
          await firstValueFrom(ctx.cancelled$);
          causes.push(ctx.cause);
        }),
      );
      const job = queue.submit(1).subscribe();
      await started;
      job.unsubscribe();
      await firstValueFrom(queue.events$.pipe(filter(({ type }) => type === 'cancelled')));
      await app.stop();
      expect(causes).to.have.length(1);
      expect(causes[0]).to.be.instanceOf(JobCancelledError);
    });

    it('errors when someone else cancels the job', async () => {
      const queue = fleet.queue<number>(name());
      const submitted = firstValueFrom(queue.events$.pipe(filter(({ type }) => type === 'submitted')));
      const result = lastValueFrom(queue.submit(1)).catch((reason: unknown) => reason);
      const { job } = await submitted;
      expect(await queue.cancel(job)).to.equal(true);
      expect(await result).to.be.instanceOf(JobCancelledError);
      expect(await queue.cancel(job)).to.equal(false);
    });

    it('runs the job with the higher priority first, and one with a delay later', async () => {
      const queue = fleet.queue<string>(name());
      const inputs: string[] = [];
      await queue.enqueue('late', { delay: 1000 });
      await queue.enqueue('low', { priority: -1 });
      await queue.enqueue('high', { priority: 1 });
      await queue.enqueue('middle');
      const last = firstValueFrom(
        queue.events$.pipe(
          filter(({ type }) => type === 'completed'),
          take(4),
          toArray(),
        ),
      );
      run(queue.worker((what) => void inputs.push(what)));
      await last;
      expect(inputs).to.deep.equal(['high', 'middle', 'low', 'late']);
    });

    it('waits until there is room in a queue with a limit', async () => {
      const queue = fleet.queue<number>(name(), { maxWaiting: 2 });
      let submitted = 0;
      const ids = range(0, 5)
        .pipe(mergeMap((n) => queue.enqueue(n)))
        .subscribe(() => submitted++);
      await lastValueFrom(timer(600));
      expect(submitted).to.equal(2);
      const done = firstValueFrom(
        queue.events$.pipe(
          filter(({ type }) => type === 'completed'),
          take(5),
          toArray(),
        ),
      );
      run(queue.worker((n) => n));
      await done;
      expect(submitted).to.equal(5);
      ids.unsubscribe();
    });
  });

  describe('result', () => {
    it('is that of a job that someone else has submitted, also when it has ended', async () => {
      const queue = fleet.queue<number, number>(name());
      const job = await queue.enqueue(3);
      const waiting = lastValueFrom(queue.result(job));
      run(queue.worker((n) => n + 1));
      expect(await waiting).to.equal(4);
      expect(await lastValueFrom(queue.result(job))).to.equal(4);
    });

    it('errors for a job that the queue does not have', async () => {
      const queue = fleet.queue(name());
      const nobody = '00000000-0000-4000-8000-000000000000';
      const error = await lastValueFrom(queue.result(nobody)).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(RangeError);
      expect((error as Error).message).to.equal(
        `Expected \`job\` to be one of ${queue.name}, got \`'${nobody}'\` (string)`,
      );
      expect(() => queue.result('x')).to.throw(RangeError, 'Expected `job` to be the id of a job');
    });
  });

  describe('worker', () => {
    it('does so many jobs at a time as it is told', async () => {
      const queue = fleet.queue<number>(name());
      let [going, most] = [0, 0];
      run(
        queue.worker(
          async () => {
            most = Math.max(most, ++going);
            await lastValueFrom(timer(20));
            going--;
          },
          { concurrency: 3 },
        ),
      );
      await lastValueFrom(range(0, 12).pipe(mergeMap((n) => queue.submit(n))));
      expect(most).to.equal(3);
    });

    it('runs a failed job again, and counts its attempts', async () => {
      const queue = fleet.queue<number, number>(name(), { retries: 2, backoff: { initial: 0 } });
      const events: string[] = [];
      queue.events$.subscribe(({ type }) => events.push(type));
      run(
        queue.worker((_, __, { attempt }) => {
          if (attempt < 3) throw new Error('not yet');
          return attempt;
        }),
      );
      expect(await lastValueFrom(queue.submit(1))).to.equal(3);
      expect(events.filter((type) => type !== 'submitted')).to.deep.equal([
        'started',
        'retrying',
        'started',
        'retrying',
        'started',
        'completed',
      ]);
    });

    it('cancels and fails a run that takes longer than its timeout, and goes on', async () => {
      const queue = fleet.queue<number, number>(name(), { retries: 0, timeout: 50 });
      const causes: unknown[] = [];
      // What never ends keeps its application, and with that the process, waiting, as any task.
      const late = new Subject<number>();
      run(
        queue.worker(async (n, ctx) => {
          if (n > 0) return n;
          ctx.cancelled$.subscribe((cause) => causes.push(cause));
          return firstValueFrom(late);
        }),
      );
      const error = await lastValueFrom(queue.submit(0)).catch((reason: unknown) => reason);
      expect((error as JobError).failure).to.deep.equal({ name: 'DeadlineError', message: 'Not done within 50 ms' });
      expect(causes[0]).to.be.instanceOf(DeadlineError);
      expect(await lastValueFrom(queue.submit(2))).to.equal(2);
      late.next(0);
    });

    it('emits what it has done', async () => {
      const queue = fleet.queue<number, number>(name());
      const worker = queue.worker((n) => n + 1);
      const told: JobEvent[] = [];
      worker.results$.subscribe((event) => told.push(event));
      run(worker);
      await lastValueFrom(queue.submit(1));
      expect(told.map(({ type }) => type)).to.deep.equal(['started', 'completed']);
      expect(told[1]).to.include({ queue: queue.name, by: 'one', attempt: 1 });
    });

    it('tells all processes of its progress', async () => {
      const other = await fleets.connect({ name: 'two' });
      const queue = fleet.queue<number>(name());
      const progress = firstValueFrom(
        other.queue(queue.name).events$.pipe(
          filter((event) => event.type === 'progress'),
          take(2),
          toArray(),
        ),
      );
      run(
        queue.worker((_, __, job) => {
          job.progress({ done: 1, of: 2 });
          job.progress({ done: 2, of: 2 });
        }),
      );
      await lastValueFrom(other.queue<number>(queue.name).submit(1));
      expect((await progress).map((event) => event.progress)).to.deep.equal([
        { done: 1, of: 2 },
        { done: 2, of: 2 },
      ]);
    });

    it('refuses progress that is too long for a message', async () => {
      const queue = fleet.queue<number>(name(), { retries: 0 });
      run(queue.worker((_, __, job) => job.progress('x'.repeat(9000))));
      const error = await lastValueFrom(queue.submit(1)).catch((reason: unknown) => reason);
      expect((error as JobError).failure.name).to.equal('RangeError');
      expect((error as JobError).failure.message).to.match(/^Expected `progress` to be JSON of up to 7500 bytes/);
    });

    it('gives a job back when its application stops, and another process does it', async () => {
      const other = await fleets.connect({ name: 'two' });
      const queue = fleet.queue<number, string>(name(), { backoff: { initial: 0 } });
      const { app } = run(queue.worker((): Observable<string> => NEVER));
      const started = firstValueFrom(queue.events$.pipe(filter(({ type }) => type === 'started')));
      const result = lastValueFrom(queue.submit(1));
      await started;
      expect((await app.stop(new Error('deploy'))).clean).to.equal(true);
      run(other.queue<number, string>(queue.name, { backoff: { initial: 0 } }).worker(() => 'done elsewhere'));
      expect(await result).to.equal('done elsewhere');
    });

    it('completes a job whose promise is kept after the application was stopped', async () => {
      const queue = fleet.queue<number, string>(name());
      const { app } = run(
        queue.worker(async (_, ctx) => {
          await firstValueFrom(ctx.cancelled$);
          await lastValueFrom(timer(20));
          return 'whole';
        }),
      );
      const started = firstValueFrom(queue.events$.pipe(filter(({ type }) => type === 'started')));
      const result = lastValueFrom(queue.submit(1));
      await started;
      await app.stop();
      expect(await result).to.equal('whole');
    });

    it('takes no jobs once it is cancelled', async () => {
      const queue = fleet.queue<number>(name());
      const [ctx, cancel] = withCancel();
      const inputs: number[] = [];
      const worker = queue.worker((n) => void inputs.push(n));
      const ended = lastValueFrom(worker.start(ctx).pipe(toArray()));
      await firstValueFrom(worker.ready$.pipe(toArray()));
      cancel();
      await queue.enqueue(1);
      await ended;
      await lastValueFrom(timer(100));
      expect(inputs).to.deep.equal([]);
    });
  });

  describe('dead letters', () => {
    it('are listed, and sent again', async () => {
      const queue = fleet.queue<number, number>(name(), { retries: 0 });
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
      const done = firstValueFrom(queue.events$.pipe(filter((event) => event.type === 'completed')));
      expect(await queue.redrive([dead[1]?.id ?? ''])).to.equal(1);
      expect((await done).output).to.deep.equal({ value: 2 });
      expect(await queue.redrive()).to.equal(2);
      expect(await queue.deadLetters()).to.deep.equal([]);
    });
  });

  it('does nothing more once the fleet is cancelled, until it is resumed', async () => {
    const queue = fleet.queue<number, number>(name());
    const causes: unknown[] = [];
    const started = firstValueFrom(queue.events$.pipe(filter(({ type }) => type === 'started')));
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

  it('tells whoever waits for a result when the fleet is closed', async () => {
    const other = await fleets.connect();
    const result = lastValueFrom(other.queue(name()).submit(1)).catch((reason: unknown) => reason);
    await lastValueFrom(timer(50));
    await other.close();
    expect(await result).to.be.instanceOf(CancelledError);
  });

  it('takes nothing more once the fleet is closed, and says so', async () => {
    const other = await fleets.connect();
    const queue = other.queue(name());
    const job = await queue.enqueue(1);
    await other.close();
    for (const refused of [lastValueFrom(queue.submit(1)), queue.enqueue(1), lastValueFrom(queue.result(job))])
      expect(await refused.catch((reason: unknown) => reason)).to.be.instanceOf(CancelledError);
  });

  it('keeps nothing of ended jobs when it is told so', async () => {
    const queue = fleet.queue(name(), { retention: 0 });
    await queue.enqueue(1);
    const rows = await statement<{ seconds: number }>(
      await sharedUrl(),
      `select deletion_seconds as seconds from ${fleets.schema}_jobs.queue where name = '${queue.name}'`,
    );
    // With 0 pg-boss would never delete them.
    expect(rows).to.deep.equal([{ seconds: 1 }]);
  });

  it('refuses bad options when it is made', () => {
    const refused = [
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
    for (const [make, message] of refused) expect(make).to.throw(message);
    expect(() => fleet.queue('q').worker(1 as never)).to.throw(TypeError, 'Expected `handler` to be a function');
    expect(() => fleet.queue('q', { retry: 1 } as never)).to.throw(TypeError, /^Expected `options` to be made of/);
  });
});
