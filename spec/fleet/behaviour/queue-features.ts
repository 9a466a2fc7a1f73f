import { expect } from 'chai';
import { firstValueFrom, lastValueFrom, NEVER } from 'rxjs';
import { UnrecoverableError, type Fleet, type JobError, type Queue } from 'rxjs-tasks/fleet';
import { nextEvent } from '../../helpers/fleet.js';
import { TestApplications } from '../../helpers/test-applications.js';
import { deferred } from '../../helpers/tasks.js';
import type { TestFleets } from '../../helpers/test-fleets.js';

const hour = 3_600_000;

/** Specifies the features of queues, wherever their jobs are stored. Closes the fleets at the end of its suite. */
export function describeQueueFeatures(fleets: TestFleets): void {
  let fleet: Fleet;
  let other: Fleet;
  let queues = 0;
  const newName = () => `features-${++queues}`;
  const apps = new TestApplications(fleets);
  const run = apps.run;
  const errorOf = (job: Promise<unknown>) => job.catch((error: unknown) => error) as Promise<Error>;
  const countOf = async (queue: string) => (await fleet.queue(queue).jobs()).length;

  before(async () => {
    fleet = await fleets.connect({ name: 'one' });
    other = await fleets.connect({ name: 'two' });
  });
  afterEach(() => apps.stop());
  after(() => fleets.close());

  describe('with keys', () => {
    it('has one waiting job with a key, however many processes enqueue it', async () => {
      const name = newName();
      const [one, two] = [fleet.queue<number>(name), other.queue<number>(name)];
      const submitted: unknown[] = [];
      one.events$.subscribe(({ job }) => submitted.push(job));
      const ids = await Promise.all(
        Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? one : two).enqueue(n, { key: `k${n % 4}` })),
      );
      const distinct = [0, 1, 2, 3].map((key) => new Set(ids.filter((_, n) => n % 4 === key)).size);
      expect([distinct, await countOf(name)]).to.deep.equal([[1, 1, 1, 1], 4]);
      // Jobs without a key are not concerned, and neither is the same key in another queue.
      await Promise.all([one.enqueue(1), one.enqueue(1), fleet.queue(newName()).enqueue(1, { key: 'k1' })]);
      expect(await countOf(name)).to.equal(6);
      await fleets.waitUntil(() => submitted.length === 6);
      expect(submitted).to.include.members(ids);
    });

    it('takes the key again when the job does not wait any more', async () => {
      const queue = fleet.queue<number>(newName());
      const started: number[] = [];
      run(
        queue.worker((n) => {
          started.push(n);
          return n === 1 ? NEVER : undefined;
        }),
      );
      const first = await queue.enqueue(1, { key: 'k' });
      await fleets.waitUntil(() => started.length === 1);
      const [second, third] = [await queue.enqueue(2, { key: 'k' }), await queue.enqueue(3, { key: 'k' })];
      expect([first === second, second === third]).to.deep.equal([false, true]);
    });

    it('inserts no job while an earlier one with the key waits for its next attempt, or was retried', async () => {
      const queue = fleet.queue<number, number>(newName(), { retries: 1, backoff: { initial: hour } });
      const gate = deferred<number>();
      const worker = run(queue.worker((n) => (n === 1 ? gate.promise : n), { concurrency: 2 }));
      const stateOf = async (id: string) => (await queue.job(id))?.state;
      const first = await queue.enqueue(1, { key: 'k' });
      await fleets.waitUntil(async () => (await stateOf(first)) === 'active');
      const second = await queue.enqueue(2, { key: 'k' });
      expect(await lastValueFrom(queue.result(second))).to.equal(2);
      gate.reject(new Error('no'));
      await fleets.waitUntil(async () => (await stateOf(first)) === 'retrying');
      expect(await queue.enqueue(3, { key: 'k' })).to.equal(first);
      await worker.app.stop();
      await queue.cancel(first);
      const third = await queue.enqueue(4, { key: 'k' });
      await queue.cancel(third);
      await queue.retry(first);
      expect([await queue.enqueue(5, { key: 'k' }), third === first]).to.deep.equal([first, false]);
    });

    it('follows the one that was created last if several jobs with a key wait', async () => {
      const queue = fleet.queue<number>(newName(), { retries: 1, backoff: { initial: hour } });
      const gate = deferred<undefined>();
      const worker = run(queue.worker(() => gate.promise));
      const first = await queue.enqueue(1, { key: 'k' });
      await fleets.waitUntil(async () => (await queue.job(first))?.state === 'active');
      const second = await queue.enqueue(2, { key: 'k', delay: hour });
      gate.reject(new Error('no'));
      await fleets.waitUntil(async () => (await queue.job(first))?.state === 'retrying');
      expect(await queue.enqueue(3, { key: 'k' })).to.equal(second);
      await worker.app.stop();
      await queue.cancel(second);
      await queue.retry(second);
      expect(await queue.enqueue(4, { key: 'k' })).to.equal(second);
      await queue.cancel(first);
      await queue.retry(first);
      expect(await queue.enqueue(5, { key: 'k' })).to.equal(second);
    });

    it('accepts one job with a key within its window, also after the end of the job', async () => {
      const queue = fleet.queue<number>(newName());
      run(queue.worker(() => undefined));
      const options = { key: 'k', keyWindow: 1500 };
      const first = await queue.enqueue(1, options);
      await lastValueFrom(queue.result(first));
      expect(await queue.enqueue(2, options)).to.equal(first);
      await fleets.waitUntil(async () => (await queue.enqueue(3, options)) !== first);
      const [at = 0, nextAt = 0] = (await queue.jobs()).map(({ createdAt }) => createdAt.getTime());
      // Both times are whole ms.
      expect(nextAt - at).to.be.at.least(1499);
    });

    it('fails a submitter whose key is that of a deleted job, within the window of that one', async () => {
      const queue = fleet.queue<number>(newName());
      const options = { key: 'k', keyWindow: hour };
      const deleted = await queue.enqueue(1, options);
      expect(await queue.remove(deleted)).to.equal(true);
      const error = await errorOf(lastValueFrom(queue.submit(2, options)));
      expect(String(error)).to.equal(`JobDeletedError: A job of ${queue.name} was deleted: ${deleted}`);
    });

    it('lets a submitter follow the waiting job, which only its own submitter cancels', async () => {
      const queue = fleet.queue<number, number>(newName());
      const follower = other.queue<number, number>(queue.name);
      run(queue.worker((n) => n * 10));
      // Afterwards both processes listen, so that they write what is called in one turn together.
      for (const each of [queue, follower]) await lastValueFrom(each.submit(0));
      const options = { key: 'k', delay: hour };
      const first = lastValueFrom(queue.submit(1, options));
      const delayed = () => queue.jobs({ state: 'delayed' });
      await fleets.waitUntil(async () => (await delayed()).length === 1);
      const [{ id } = { id: '' }] = await delayed();
      const second = lastValueFrom(follower.submit(2, options));
      const subscription = queue.submit(3, options).subscribe();
      for (const each of [queue, follower]) expect(await each.enqueue(4, options)).to.equal(id);
      subscription.unsubscribe();
      await fleets.pause(100);
      expect((await queue.job(id))?.state).to.equal('delayed');
      expect(await queue.promote(id)).to.equal(true);
      expect(await Promise.all([first, second])).to.deep.equal([10, 10]);
    });

    it('refuses a window without a key, and a key that is empty or too long', () => {
      const queue = fleet.queue<number>(newName());
      expect(() => queue.submit(1, { keyWindow: 1 })).to.throw(TypeError, 'together with `key`');
      for (const key of ['', 'k'.repeat(201)])
        expect(() => queue.submit(1, { key })).to.throw(RangeError, 'from 1 to 200 characters');
      expect(() => queue.submit(1, { group: '' })).to.throw(RangeError, 'from 1 to 200 characters');
      expect(() => queue.submit(1, { key: 'a\0' })).to.throw(TypeError);
      expect(() => queue.submit(1, { key: 1 as never })).to.throw(TypeError);
    });
  });

  describe('with bad input', () => {
    it('refuses options that are no object or have an unknown name', async () => {
      const queue = fleet.queue<number>(newName());
      const messages = await Promise.all(
        [null, 5, { prority: 1 }].map(async (options) => (await errorOf(queue.enqueue(1, options as never))).message),
      );
      expect(messages).to.deep.equal([
        'Expected `options` of `enqueue` to be an object, got null',
        'Expected `options` of `enqueue` to be an object, got `5` (number)',
        'Expected an option of `enqueue`, got `prority`; did you mean `priority`? ' +
          'Known options: `priority`, `delay`, `retries`, `timeout`, `key`, `keyWindow`, `group`, `after`, ' +
          '`db`, `notify`',
      ]);
    });

    it('refuses an input that JSON cannot represent, and names it', async () => {
      const queue = fleet.queue<unknown>(newName());
      const messageOf = async (job: Promise<unknown>) => (await errorOf(job)).message;
      expect(await messageOf(queue.enqueue(() => 1))).to.match(/^Expected `input` to be JSON, got .*\(function\)$/);
      expect(await messageOf(lastValueFrom(queue.submit(Symbol('s'))))).to.match(/^Expected `input` to be JSON, got /);
      expect(await messageOf(queue.enqueueMany([1, 2n]))).to.equal(
        'Expected `inputs[1]` to be JSON: Do not know how to serialize a BigInt',
      );
      expect(await countOf(queue.name)).to.equal(0);
    });

    it('names a progress that JSON cannot represent', async () => {
      const queue = fleet.queue<number>(newName(), { retries: 0 });
      run(queue.worker((_, __, job) => job.progress(1n)));
      const error = (await errorOf(lastValueFrom(queue.submit(1)))) as JobError;
      expect(error.failure.message).to.equal('Expected `progress` to be JSON: Do not know how to serialize a BigInt');
    });

    it('names the forms of a delay', async () => {
      const delays = [NaN, '1', new Date(NaN)];
      const errors = await Promise.all(
        delays.map((delay) => errorOf(fleet.queue<number>(newName()).enqueue(1, { delay: delay as never }))),
      );
      expect(errors.map(({ name }) => name)).to.deep.equal(['RangeError', 'TypeError', 'RangeError']);
      for (const { message } of errors)
        expect(message).to.match(/^Expected `delay` to be a number of ms from 0 to 31536000000, or a date within /);
    });

    it('refuses dead letters that are no ids, and redrives none of no ids', async () => {
      const queue = fleet.queue<number>(newName());
      expect((await errorOf(queue.redrive(['x']))).message).to.equal(
        "Expected `ids` to be the id of a job, got `'x'` (string)",
      );
      expect(await errorOf(queue.redrive([5 as never]))).to.be.instanceOf(TypeError);
      expect(await queue.redrive([])).to.equal(0);
    });

    it('refuses a page after a job that does not exist, because it would be empty', async () => {
      const queue = fleet.queue<number>(newName());
      const [first, last] = await queue.enqueueMany([1, 2]);
      expect(await queue.jobs({ after: last })).to.deep.equal([]);
      await queue.remove(first ?? '');
      const error = await errorOf(queue.jobs({ after: first }));
      expect(error.message).to.equal(`Expected \`after\` to be a job of ${queue.name}, got \`'${first}'\` (string)`);
      expect((await errorOf(queue.jobs({ after: 'x' }))).message).to.contain('Expected `after` to be the id of a job');
    });

    it('takes the holes of an array for inputs that are undefined', async () => {
      // eslint-disable-next-line no-sparse-arrays -- that is what it tests
      const ids = await fleet.queue<unknown>(newName()).enqueueMany([1, , 3]);
      expect(new Set(ids.filter((id) => typeof id === 'string')).size).to.equal(3);
    });
  });

  it('refuses a `db` without a query function', async () => {
    const error = await errorOf(fleet.queue<number>(newName()).enqueue(1, { db: {} as never }));
    expect(error.message).to.equal('Expected `db` to be a client with a `query` function, got `{}` (object)');
  });

  describe('with jobs that fail', () => {
    it('does not retry after an UnrecoverableError, of whatever copy or thread', async () => {
      const queue = fleet.queue<string>(newName(), { retries: 3, backoff: { initial: 0 } });
      const attempts: string[] = [];
      run(
        queue.worker((kind) => {
          attempts.push(kind);
          if (kind === 'own') throw new UnrecoverableError('never');
          if (kind === 'copy')
            throw Object.assign(new Error('never'), { [Symbol.for('rxjs-tasks.UnrecoverableError')]: true });
          throw Object.assign(new Error('never'), { name: 'UnrecoverableError' });
        }),
      );
      for (const kind of ['own', 'copy', 'thread'])
        expect((await errorOf(lastValueFrom(queue.submit(kind)))).name).to.equal('JobError');
      expect(attempts).to.deep.equal(['own', 'copy', 'thread']);
      expect((await queue.deadLetters()).map(({ input }) => input)).to.deep.equal(['own', 'copy', 'thread']);
    });

    it('has retries and timeouts for each job', async () => {
      const queue = fleet.queue<number>(newName(), { retries: 0, backoff: { initial: 0 } });
      const attempts = new Map<number, number>();
      run(
        queue.worker(
          (n, _, { attempt }) => {
            attempts.set(n, attempt);
            if (n === 0) return NEVER;
            throw new Error('no');
          },
          { concurrency: 5 },
        ),
      );
      const errors = await Promise.all([
        errorOf(lastValueFrom(queue.submit(0, { timeout: 50 }))),
        errorOf(lastValueFrom(queue.submit(1, { retries: 2 }))),
        errorOf(lastValueFrom(queue.submit(2))),
      ]);
      expect(errors.map((error) => (error as JobError).failure.message)).to.deep.equal([
        'Not done within 50 ms',
        'no',
        'no',
      ]);
      expect([...attempts].sort(([a], [b]) => a - b)).to.deep.equal([
        [0, 1],
        [1, 3],
        [2, 1],
      ]);
    });

    it('runs a failed job again on request, and then has no dead letter of it', async () => {
      const queue = fleet.queue<number, string>(newName(), { retries: 0 });
      let fails = true;
      run(
        queue.worker((_, __, { attempt }) => {
          if (fails) throw new Error('no');
          return `attempt ${attempt}`;
        }),
      );
      const failed = nextEvent(queue.events$, 'failed');
      const id = await queue.enqueue(1);
      // The event comes after the state, and would end a result that is asked for in between.
      await failed;
      fails = false;
      expect(await queue.retry(id)).to.equal(true);
      expect(await firstValueFrom(queue.result(id))).to.equal('attempt 2');
      expect([await queue.retry(id), await queue.deadLetters()]).to.deep.equal([false, []]);
    });

    it('gives a cancelled job that never started one attempt when it is retried', async () => {
      const queue = fleet.queue<number>(newName(), { retries: 2, backoff: { initial: 0 } });
      const id = await queue.enqueue(1);
      await queue.cancel(id);
      expect(await queue.retry(id)).to.equal(true);
      const attempts: number[] = [];
      run(
        queue.worker((_, __, { attempt }) => {
          attempts.push(attempt);
          throw new Error('no');
        }),
      );
      await errorOf(lastValueFrom(queue.result(id)));
      expect(attempts).to.deep.equal([1]);
    });
  });

  describe('with jobs that are changed', () => {
    const unknownJob = '00000000-0000-4000-8000-000000000000';

    it('does so only in the states that allow it', async () => {
      const queue = fleet.queue<number>(newName(), { retries: 0 });
      run(
        queue.worker((n) => {
          if (n === 2) throw new Error('no');
          return n === 3 ? NEVER : undefined;
        }),
      );
      const ids: Record<string, string> = { delayed: await queue.enqueue(0, { delay: hour }) };
      for (const [n, state] of ['completed', 'failed', 'active'].entries()) {
        const id = (ids[state] = await queue.enqueue(n + 1));
        await fleets.waitUntil(async () => (await queue.job(id))?.state === state);
      }
      const waiting = await queue.enqueue(4);
      const changesOf = async (id = '') => {
        const changes: string[] = [];
        for (const name of ['promote', 'retry', 'cancel'] as const) if (await queue[name](id)) changes.push(name);
        return changes;
      };
      expect(await changesOf(unknownJob)).to.deep.equal([]);
      expect(await changesOf(ids['completed'])).to.deep.equal([]);
      expect(await changesOf(ids['failed'])).to.deep.equal(['retry', 'cancel']);
      expect(await changesOf(ids['delayed'])).to.deep.equal(['promote', 'cancel']);
      expect(await changesOf(waiting)).to.deep.equal(['cancel']);
      expect([await queue.remove(unknownJob), await queue.remove(ids['active'] ?? '')]).to.deep.equal([false, false]);
      expect(await changesOf(ids['active'])).to.deep.equal(['cancel']);
      for (const id of Object.values(ids))
        expect([await queue.remove(id), await queue.job(id)]).to.deep.equal([true, undefined]);
    });

    it('retries a job alone, which then has not ended, and keeps the dead letters of the others', async () => {
      const queue = fleet.queue<number>(newName(), { retries: 0 });
      const worker = run(queue.worker(() => Promise.reject(new Error('no'))));
      const [one = '', two = ''] = await queue.enqueueMany([1, 2]);
      await fleets.waitUntil(async () => (await queue.deadLetters()).length === 2);
      await worker.app.stop();
      expect((await queue.job(one))?.endedAt).to.be.instanceOf(Date);
      expect(await queue.retry(one)).to.equal(true);
      expect(await queue.job(one))
        .to.include({ state: 'retrying', attempt: 1 })
        .and.not.have.property('endedAt');
      const [letter, ...others] = await queue.deadLetters();
      expect([letter?.job, letter?.input, others]).to.deep.equal([two, 2, []]);
      expect(await queue.deadLetters(1)).to.have.length(1);
    });

    it('redrives a job with its priority, group and key, but without its delay and its retries', async () => {
      const queue = fleet.queue<number>(newName(), { retries: 0 });
      run(queue.worker(() => Promise.reject(new Error('no'))));
      const options = { priority: 3, group: 'g', key: 'k', delay: 10, retries: 1, timeout: hour };
      const id = await queue.enqueue(1, { ...options });
      await fleets.waitUntil(async () => (await queue.job(id))?.state === 'retrying');
      await queue.promote(id);
      await fleets.waitUntil(async () => (await queue.deadLetters()).length === 1);
      expect([await queue.redrive([unknownJob]), await queue.redrive()]).to.deep.equal([0, 1]);
      await fleets.waitUntil(async () => (await queue.jobs({ state: 'failed' })).length === 2);
      const [, redriven] = await queue.jobs();
      expect(redriven).to.deep.include({ priority: 3, group: 'g', key: 'k', input: 1, attempt: 1 });
    });
  });

  it('keeps the options of the process that has opened it last', async () => {
    const [name, backoff] = [newName(), { initial: hour }];
    const [first, second] = [
      fleet.queue<number>(name, { retries: 0 }),
      other.queue<number>(name, { retries: 1, backoff }),
    ];
    const ids = [await first.enqueue(1), await second.enqueue(2), await first.enqueue(3)];
    run(second.worker(() => Promise.reject(new Error('no'))));
    const states = () => Promise.all(ids.map(async (id) => (await first.job(id))?.state));
    await fleets.waitUntil(async () => !(await states()).some((state) => state === 'waiting' || state === 'active'));
    expect(await states()).to.deep.equal(['failed', 'retrying', 'retrying']);
  });

  it('inserts no job whose submitter has stopped to wait for room', async () => {
    const queue = fleet.queue<number>(newName(), { maxWaiting: 1 });
    await queue.enqueue(1);
    const subscription = queue.submit(2).subscribe();
    await fleets.pause(300);
    subscription.unsubscribe();
    const last = queue.enqueue(3);
    const inputs: number[] = [];
    run(queue.worker((n) => void inputs.push(n)));
    await last;
    await fleets.waitUntil(() => inputs.length === 2);
    expect([inputs, (await queue.jobs()).map(({ input }) => input)]).to.deep.equal([
      [1, 3],
      [1, 3],
    ]);
  });

  it('emits its own events alone', async () => {
    const [queue, others] = [fleet.queue<number>(newName()), fleet.queue<number>(newName())];
    const events: unknown[] = [];
    const subscription = queue.events$.subscribe(({ queue: name, type }) => events.push([name, type]));
    await others.enqueue(1);
    await queue.enqueue(2);
    await fleets.waitUntil(() => events.length > 0);
    subscription.unsubscribe();
    expect(events).to.deep.equal([[queue.name, 'submitted']]);
  });

  it('is read in pages of 100 jobs by default', async () => {
    const queue = fleet.queue<number>(newName());
    await queue.enqueueMany(Array.from({ length: 101 }, (_, n) => n));
    expect((await queue.jobs()).map(({ input }) => input)).to.deep.equal(Array.from({ length: 100 }, (_, n) => n));
    for (const limit of [0, 1.5, 100_001])
      for (const read of [queue.jobs({ limit }), queue.deadLetters(limit)])
        expect((await errorOf(read)).message).to.match(/^Expected `limit` to be a whole number from 1 to /);
  });

  describe('with limits', () => {
    /** Runs workers in two processes, and returns the largest number of jobs of each group at a time. */
    async function maxTogether(queue: Queue<string, unknown>, jobs: readonly string[], options: object) {
      const [running, max] = [new Map<string, number>(), new Map<string, number>()];
      const order: string[] = [];
      const handler = async (group: string) => {
        order.push(group);
        const count = (running.get(group) ?? 0) + 1;
        running.set(group, count);
        max.set(group, Math.max(count, max.get(group) ?? 0));
        await fleets.pause(30);
        running.set(group, (running.get(group) ?? 0) - 1);
      };
      const second = other.queue<string>(queue.name);
      run(queue.worker(handler, options), second.worker(handler, options));
      await fleets.waitUntil(() => order.length === jobs.length);
      return { max: Object.fromEntries(max), order };
    }

    it('runs at most so many jobs of a group in all processes, and lets no group wait for another', async () => {
      const queue = fleet.queue<string>(newName());
      const jobs = [...Array.from({ length: 40 }, () => 'a'), 'b', 'b', 'b'];
      for (const group of jobs) await queue.enqueue(group, { group });
      const { max, order } = await maxTogether(queue, jobs, { concurrency: 8, groupConcurrency: 2 });
      expect(max['a']).to.be.at.most(2);
      expect(max['b']).to.be.at.most(2);
      expect(order.lastIndexOf('b')).to.be.below(15);
    });

    it('starts at most so many jobs within a time, in all processes', async () => {
      const queue = fleet.queue<string>(newName());
      const jobs = Array.from({ length: 12 }, () => 'a');
      await queue.enqueueMany(jobs);
      await maxTogether(queue, jobs, { concurrency: 8, rate: { jobs: 3, per: 400 } });
      const starts = (await queue.jobs()).map(({ startedAt }) => startedAt?.getTime() ?? 0).sort((a, b) => a - b);
      // Any four starts in a row take longer than the time.
      for (let n = 3; n < starts.length; n++) expect((starts[n] ?? 0) - (starts[n - 3] ?? 0)).to.be.at.least(398);
    });

    it('refuses limits that are none', () => {
      const queue = fleet.queue<number>(newName());
      for (const options of [{ groupConcurrency: 0 }, { rate: { jobs: 0, per: 1 } }, { rate: { jobs: 1, per: 0 } }])
        expect(() => queue.worker(() => 1, options)).to.throw(RangeError);
    });
  });

  describe('that is paused', () => {
    it('starts no job in any process, also after a restart, until it is resumed', async () => {
      const queue = fleet.queue<number>(newName());
      const started: number[] = [];
      const gate = deferred<undefined>();
      const handler = (n: number) => {
        started.push(n);
        return n === 100 ? gate.promise : undefined;
      };
      await queue.enqueueMany(Array.from({ length: 60 }, (_, n) => n));
      await queue.enqueue(100);
      await queue.enqueueMany([101, 102, 103]);
      const worker = run(queue.worker(handler));
      await fleets.waitUntil(() => started.includes(100));
      await queue.pause({ by: 'ann' });
      // Jobs that were claimed in advance are given back.
      await fleets.waitUntil(async () => (await queue.jobs({ state: 'active' })).length === 1);
      gate.resolve(undefined);
      await fleets.pause(300);
      expect(started.at(-1)).to.equal(100);
      await worker.app.stop();
      run(other.queue<number>(queue.name).worker(handler));
      await fleets.pause(300);
      expect(started.at(-1)).to.equal(100);
      // It is paused, and so remains as it is.
      await queue.pause({ by: 'bob' });
      const [state] = (await fleet.state()).queues.filter(({ name }) => name === queue.name);
      expect([state?.waiting, state?.paused?.by]).to.deep.equal([3, 'ann']);
      await other.queue(queue.name).resume();
      await fleets.waitUntil(() => started.length === 64);
    });

    it('is refused with an option that does not exist', async () => {
      const { message } = await errorOf(fleet.queue(newName()).pause({ who: 'ann' } as never));
      expect(message).to.include('Expected an option of `pause`, got `who`');
    });
  });

  describe('tells', () => {
    it('the state of a job with its input, output, failure and progress', async () => {
      const queue = fleet.queue<number, string>(newName(), { retries: 1, backoff: { initial: 60_000 } });
      const [waiting, delayed] = [await queue.enqueue(1), await queue.enqueue(2, { delay: hour, priority: -1 })];
      const states = async () => (await queue.jobs()).map(({ state }) => state);
      expect(await states()).to.deep.equal(['waiting', 'delayed']);
      const held = deferred<undefined>();
      const worker = run(
        queue.worker(
          async (n, _, job) => {
            job.progress({ percent: n });
            if (n === 3) throw new Error('no');
            await held.promise;
            return `done ${n}`;
          },
          { concurrency: 3 },
        ),
      );
      const failing = await queue.enqueue(3, { group: 'g', key: 'k' });
      await fleets.waitUntil(async () => (await queue.job(failing))?.state === 'retrying');
      await fleets.waitUntil(async () => (await queue.job(waiting))?.progress !== undefined);
      const active = await queue.job(waiting);
      expect(active).to.deep.include({ state: 'active', input: 1, progress: { percent: 1 }, attempt: 1, priority: 0 });
      expect(active).not.to.have.any.keys('output', 'failure', 'endedAt', 'dueAt', 'key', 'group', 'after');
      held.resolve(undefined);
      await fleets.waitUntil(async () => (await queue.job(waiting))?.state === 'completed');
      const completed = await queue.job(waiting);
      expect(completed).to.deep.include({ output: 'done 1' });
      expect(completed?.endedAt).to.be.instanceOf(Date);
      const retrying = await queue.job(failing);
      expect(retrying).to.deep.include({ failure: { name: 'Error', message: 'no' }, group: 'g', key: 'k', attempt: 1 });
      expect((retrying?.dueAt?.getTime() ?? 0) - (retrying?.createdAt.getTime() ?? 0)).to.be.greaterThan(20_000);
      expect(await queue.cancel(delayed)).to.equal(true);
      expect((await queue.job(delayed))?.state).to.equal('cancelled');
      await worker.app.stop();
      expect(await queue.remove(failing)).to.equal(true);
      expect([await queue.job(failing), await queue.remove(failing)]).to.deep.equal([undefined, false]);
    });

    it('its jobs in pages, of one state or of all', async () => {
      const queue = fleet.queue<number>(newName());
      await queue.enqueueMany(Array.from({ length: 25 }, (_, n) => n));
      const late = await queue.enqueue(99, { delay: hour });
      const read: number[] = [];
      for (let after: string | undefined; ;) {
        const page = await queue.jobs({ limit: 10, after });
        if (page.length === 0) break;
        read.push(...page.map(({ input }) => input));
        after = page.at(-1)?.id;
      }
      expect([...read].sort((a, b) => a - b)).to.deep.equal([...Array.from({ length: 25 }, (_, n) => n), 99]);
      expect((await queue.jobs({ state: 'delayed' })).map(({ id }) => id)).to.deep.equal([late]);
      expect(await queue.jobs({ state: 'waiting', limit: 1000 })).to.have.length(25);
      expect(await errorOf(queue.jobs({ state: 'created' as never }))).to.be.instanceOf(RangeError);
      expect((await errorOf(queue.job('x'))).message).to.equal(
        "Expected `job` to be the id of a job, got `'x'` (string)",
      );
    });
  });
}
