import { expect } from 'chai';
import { firstValueFrom, NEVER, Subject, Subscription, toArray } from 'rxjs';
import sinon from 'sinon';
import { CancelledError } from '../../lib/errors/errors.js';
import type { InsertedJob, NewJob } from '../../lib/fleet/job-store.js';
import { JobQueue } from '../../lib/fleet/job-queue.js';
import type { QueueOptions } from '../../lib/fleet/queue-types.js';
import { fakeDatabase } from '../helpers/fake-database.js';
import { rejectionOf } from '../helpers/rejection.js';

type Inserted = ReadonlyMap<string, InsertedJob>;

const id = '3e2c4b5a-0000-4000-8000-000000000001';
const other = '3e2c4b5a-0000-4000-8000-000000000002';
const stopped = new Error('stopped');
const work = { type: 'work', queue: 'q' };

describe('A queue of one process', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /** Creates a queue whose services are answered by the state. Returns it with its calls. */
  function create(options: QueueOptions = {}) {
    const calls: unknown[] = [];
    const state = {
      following: false,
      insert: (() => Promise.resolve(new Map())) as (jobs: readonly NewJob<unknown>[]) => Promise<Inserted>,
      found: true as boolean | Promise<boolean>,
      cancelled: true,
      rows: [] as readonly object[],
      moved: [0],
      letters: [] as readonly object[],
      listen: Promise.resolve(),
    };
    const inserted: NewJob<unknown>[] = [];
    const ends: Subject<unknown>[] = [];
    const confirmed: { onUndone(): void }[] = [];
    const record =
      (name: string) =>
      (...args: unknown[]) =>
        void calls.push([name, ...args]);
    const database = fakeDatabase((sql, values) => {
      if (sql.includes('.queue as known (name, options)')) return Promise.resolve({ rows: [{ options }] });
      if (sql.startsWith('select policy')) return Promise.resolve({ rows: [] });
      calls.push([sql.includes('.retry_job_') ? 'retry' : /^\w+/.exec(sql)?.[0], ...values]);
      return Promise.resolve({ rows: [...state.rows] });
    });
    const { boss } = database;
    Object.assign(boss, {
      createQueue: (name: string) => Promise.resolve(name === 'q' && calls.push('create')),
      updateQueue: () => Promise.resolve(),
      cancel: (...args: unknown[]) => {
        calls.push(['cancel', ...args]);
        return Promise.resolve({ settled: state.cancelled ? [args[1]] : [] });
      },
      findJobs: (...args: unknown[]) => {
        calls.push(['find', ...args]);
        return Promise.resolve(state.letters);
      },
      redrive: (...args: unknown[]) => {
        calls.push(['redrive', ...args]);
        return Promise.resolve(state.moved.shift());
      },
    });
    const all$ = new Subject<{ queue: string }>();
    const services = {
      name: 'me',
      database,
      jobs: {
        unsupported: new Set(['group']),
        insert: (_: string, jobs: readonly NewJob<unknown>[]) => {
          inserted.push(...jobs);
          return state.insert(jobs);
        },
      },
      control: {
        send: record('send'),
        payloadOf: () => undefined,
        sendWithin: () => Promise.resolve(record('send within')()),
      },
      events: {
        all$,
        emit: record('emit'),
        follow: () => {
          calls.push('follow');
          return new Subscription(() => calls.push('unfollow'));
        },
        listen: () => {
          calls.push('listen');
          return state.listen;
        },
        get following() {
          return state.following;
        },
      },
      results: {
        of: () => {
          const end = new Subject<unknown>();
          ends.push(end);
          return end;
        },
        confirm: (key: object, insertion?: { onUndone(): void }) => {
          calls.push(['confirm', key, insertion && { ...insertion, onUndone: undefined }]);
          if (insertion) confirmed.push(insertion);
        },
        poll: (key: object) => {
          calls.push(['poll', key]);
          return Promise.resolve(state.found);
        },
      },
      dependents: {
        settle: (jobs: unknown) => Promise.resolve(record('settle')(jobs)),
        settleInBackground: () => undefined,
        emitFailed: record('failed'),
      },
      poller: { announce: () => Promise.resolve(record('announce')()) },
      master: { context: { cause: stopped } },
    };
    const queue = new JobQueue<unknown, unknown>(services as never, 'q', options);
    return { queue, calls, state, inserted, ends, confirmed, database, all$ };
  }

  const end = (subject: Subject<unknown> | undefined, value: unknown) => {
    subject?.next(value);
    subject?.complete();
  };
  /** Subscribes to the result of a job. Returns what it has emitted, and waits until the job is written. */
  async function subscribe(result$: ReturnType<JobQueue<unknown, unknown>['submit']>) {
    const texts: string[] = [];
    const subscription = result$.subscribe({
      next: (value) => texts.push(`next ${String(value)}`),
      error: (error: unknown) => texts.push(String(error)),
      complete: () => texts.push('complete'),
    });
    await clock.tickAsync(0);
    return { texts, subscription };
  }
  /** Waits for an answer, while the time passes. */
  async function answerOf<T>(call: Promise<T>): Promise<T> {
    void call.catch(() => undefined);
    await clock.tickAsync(0);
    return call;
  }

  it('writes a submitted job when this process listens, and emits its result', async () => {
    const { queue, calls, inserted, ends } = create();
    const { texts } = await subscribe(queue.submit(7, { timeout: 50, after: [other, id] }));
    const [job] = inserted;
    expect(job?.data).to.deep.equal({ input: 7, awaited: true, timeout: 50 });
    expect(job?.options).to.deep.include({ timeout: 50, after: [other, id] });
    // An id of 36 characters is quoted, and has a comma.
    expect(job?.length).to.equal(JSON.stringify(job?.data).length + 78);
    expect(calls).to.deep.equal([
      'create',
      'listen',
      ['send', work],
      ['emit', 'q', job?.id, { type: 'submitted' }],
      ['confirm', { queue: 'q', job: job?.id }, undefined],
    ]);
    end(ends[0], 8);
    expect(texts).to.deep.equal(['next 8', 'complete']);
    await clock.tickAsync(0);
    expect(calls.length).to.equal(5);
  });

  it('listens for an enqueued job only if this process follows the events', async () => {
    const { queue, calls, state, inserted } = create();
    expect(await answerOf(queue.enqueue(1))).to.equal(inserted[0]?.id);
    expect(calls.includes('listen')).to.equal(false);
    expect(inserted[0]).to.deep.include({ data: { input: 1 }, length: '{"input":1}'.length });
    state.following = true;
    await answerOf(queue.enqueue(1));
    expect(calls.includes('listen')).to.equal(true);
  });

  it('lets a crash undo the insertion of a job that means the same when it is inserted again', async () => {
    const { queue, inserted } = create();
    for (const options of [{}, { delay: 0, after: [] }, { delay: 1 }, { delay: new Date() }, { after: [id] }])
      await subscribe(queue.submit(1, options));
    await subscribe(queue.submit(1, { key: 'k' }));
    expect(inserted.map((job) => job.volatile)).to.deep.equal([true, true, false, false, false, false]);
  });

  it('inserts a job again whose insertion a crash has undone', async () => {
    const { queue, calls, state, inserted, ends, confirmed } = create();
    state.insert = (jobs) => Promise.resolve(new Map(jobs.map((job) => [job.id, { id: job.id, mark: 'm' }])));
    Object.assign(queue.services.control, { emitHere: () => undefined });
    const { texts } = await subscribe(queue.submit(1));
    expect(calls.at(-1)).to.deep.equal([
      'confirm',
      { queue: 'q', job: inserted[0]?.id },
      { mark: 'm', onUndone: undefined },
    ]);
    confirmed[0]?.onUndone();
    await clock.tickAsync(0);
    expect(inserted.map((job) => job.id)).to.deep.equal([inserted[0]?.id, inserted[0]?.id]);
    end(ends[0], 2);
    expect(texts).to.deep.equal(['next 2', 'complete']);
  });

  it('cancels a submitted job at the unsubscribe, but not one that has ended or is that of another', async () => {
    const written = create();
    (await subscribe(written.queue.submit(1))).subscription.unsubscribe();
    await clock.tickAsync(0);
    expect(written.calls).to.deep.include(['cancel', 'q', written.inserted[0]?.id]);

    const ended = create();
    const { subscription } = await subscribe(ended.queue.submit(1));
    ended.ends[0]?.next(1);
    subscription.unsubscribe();
    await clock.tickAsync(0);
    expect(ended.calls.filter((call) => Array.isArray(call) && call[0] === 'cancel')).to.deep.equal([]);

    const keyed = create();
    keyed.state.insert = (jobs) => Promise.resolve(new Map(jobs.map((job) => [job.id, { id: other }])));
    (await subscribe(keyed.queue.submit(1, { key: 'k' }))).subscription.unsubscribe();
    await clock.tickAsync(0);
    expect(keyed.calls.filter((call) => Array.isArray(call) && call[0] === 'cancel')).to.deep.equal([]);
    expect(keyed.calls.filter((call) => Array.isArray(call) && call[0] === 'emit')).to.deep.equal([]);
  });

  it('does not insert a job that is unsubscribed before, and cancels none whose insertion fails', async () => {
    const { queue, calls, state, inserted } = create();
    state.cancelled = false;
    queue.submit(1).subscribe().unsubscribe();
    await clock.tickAsync(0);
    expect(inserted).to.deep.equal([]);
    expect(calls.filter((call) => Array.isArray(call) && call[0] === 'emit')).to.deep.equal([]);

    const refused = create();
    let refuse: (error: Error) => void = () => undefined;
    refused.state.insert = () => new Promise((_, reject) => (refuse = reject));
    const reported: string[] = [];
    refused.database.events$.subscribe(({ type }) => reported.push(type));
    const { texts, subscription } = await subscribe(refused.queue.submit(1));
    subscription.unsubscribe();
    refuse(Object.assign(new Error('no'), { code: '22000' }));
    await clock.tickAsync(0);
    expect([texts, reported]).to.deep.equal([[], []]);
    expect(refused.calls.filter((call) => Array.isArray(call) && call[0] === 'cancel')).to.deep.equal([]);
  });

  it('follows the job in the place of one with a key, which may have been deleted', async () => {
    for (const found of [true, false]) {
      const { queue, calls, state, ends } = create();
      state.insert = (jobs) => Promise.resolve(new Map(jobs.map((job) => [job.id, { id: other }])));
      state.found = found;
      const { texts } = await subscribe(queue.submit(1, { key: 'k' }));
      expect(calls).to.deep.include(['poll', { queue: 'q', job: other }]);
      end(ends[0], 3);
      expect(texts).to.deep.equal(
        found ? ['next 3', 'complete'] : [`JobDeletedError: A job of q was deleted: ${other}`],
      );
    }
  });

  it('emits the failure of a job that fails at once, because of those that it waits for', async () => {
    const failure = { name: 'E', message: 'no' };
    for (const awaited of [true, false]) {
      const { queue, calls, state, inserted } = create();
      state.insert = (jobs) => Promise.resolve(new Map(jobs.map((job) => [job.id, { id: job.id, failure }])));
      if (awaited) await subscribe(queue.submit(1, { after: [id] }));
      else await answerOf(queue.enqueue(1, { after: [id] }));
      expect(calls).to.deep.include(['failed', 'q', inserted[0]?.id, failure, awaited]);
    }
  });

  it('emits the result of a job of any process, while it follows the events', async () => {
    const { queue, calls, ends } = create();
    const { texts } = await subscribe(queue.result(id));
    const key = { queue: 'q', job: id };
    expect(calls).to.deep.equal(['follow', ['poll', key], 'listen', ['poll', key]]);
    end(ends[0], 4);
    expect([texts, calls.at(-1)]).to.deep.equal([['next 4', 'complete'], 'unfollow']);
  });

  it('does not poll again for a result that is no more asked for when this process listens', async () => {
    const { queue, calls, state } = create();
    let listening: () => void = () => undefined;
    state.listen = new Promise((resolve) => (listening = resolve));
    const { subscription } = await subscribe(queue.result(id));
    subscription.unsubscribe();
    listening();
    await clock.tickAsync(0);
    expect(calls.filter((call) => Array.isArray(call))).to.deep.equal([['poll', { queue: 'q', job: id }]]);
  });

  it('fails the result of a job that does not exist, or cannot be read', async () => {
    const { queue, state } = create();
    state.found = false;
    const missing = await subscribe(queue.result(id));
    expect(missing.texts).to.deep.equal([`RangeError: Expected \`job\` to be a job of q, got \`'${id}'\` (string)`]);
    state.found = Promise.reject(new Error('unreadable'));
    expect((await subscribe(queue.result(id))).texts).to.deep.equal(['Error: unreadable']);
  });

  it('refuses jobs after the close, with the cause of it', async () => {
    const { queue, database } = create();
    await database.stopRetrying();
    const error = await rejectionOf(answerOf(queue.enqueue(1)));
    expect(error).to.be.instanceOf(CancelledError).with.property('cause', stopped);
  });

  it('notifies the other processes of a cancel, and settles the jobs that wait for the job', async () => {
    const { queue, calls, state } = create();
    expect(await answerOf(queue.cancel(id))).to.equal(true);
    expect(calls).to.deep.equal([
      'create',
      ['cancel', 'q', id],
      ['send', { type: 'cancel', queue: 'q', job: id }],
      ['emit', 'q', id, { type: 'cancelled' }, true],
      ['settle', [id]],
    ]);
    calls.length = 0;
    state.cancelled = false;
    expect([await answerOf(queue.cancel(id)), calls]).to.deep.equal([false, [['cancel', 'q', id]]]);
  });

  it('is paused by the name of its process, unless another is given, and resumed', async () => {
    const { queue, calls } = create();
    await answerOf(queue.pause());
    await answerOf(queue.pause({ by: 'ann' }));
    expect(calls).to.deep.equal([['insert', 'q', 'me'], ['announce'], ['insert', 'q', 'ann'], ['announce']]);
    calls.length = 0;
    await answerOf(queue.resume());
    expect(calls).to.deep.equal([
      ['select', 'q'],
      ['send', work],
    ]);
  });

  it('notifies the workers of a job that may start now, and of no other', async () => {
    const { queue, calls, state } = create();
    expect(await answerOf(queue.promote(id))).to.equal(false);
    state.rows = [{}];
    expect(await answerOf(queue.promote(id))).to.equal(true);
    expect(calls).to.deep.equal([
      ['update', 'q', id],
      ['update', 'q', id],
      ['send', work],
    ]);
  });

  it('settles a retried job again, which may fail at once', async () => {
    const { queue, calls, state } = create();
    const tried = ['retry', 'q', id, 'q.dead', 'then'];
    for (const [row, further] of [
      [{}, [['send', work]]],
      [
        { after: [other] },
        [
          ['send', work],
          ['settle', [other]],
        ],
      ],
      [
        { failed: true, failure: 'no', awaited: true },
        [
          ['failed', 'q', id, 'no', true],
          ['send', work],
        ],
      ],
      [
        { failed: true, failure: 'no', awaited: null },
        [
          ['failed', 'q', id, 'no', false],
          ['send', work],
        ],
      ],
    ] as const) {
      calls.length = 0;
      state.rows = [{ at: 'then', ...row }];
      expect(await answerOf(queue.retry(id))).to.equal(true);
      expect(calls).to.deep.equal([['select', 'q', id], tried, ...further]);
    }
    state.rows = [];
    calls.length = 0;
    expect([await answerOf(queue.retry(id)), calls]).to.deep.equal([false, [['select', 'q', id]]]);
  });

  it('settles the jobs that wait for a job before it is removed, and after that', async () => {
    const { queue, calls, state } = create();
    expect(await answerOf(queue.remove(id))).to.equal(false);
    expect(calls).to.deep.equal([
      ['settle', [id]],
      ['delete', 'q', id],
    ]);
    calls.length = 0;
    state.rows = [{}];
    expect(await answerOf(queue.remove(id))).to.equal(true);
    expect(calls).to.deep.equal([
      ['settle', [id]],
      ['delete', 'q', id],
      ['settle', [id]],
    ]);
  });

  it('lists dead letters, up to 100 by default', async () => {
    const { queue, calls, state } = create();
    const at = new Date();
    const letter = { id, data: { input: 1 }, sourceId: null, sourceOutput: { name: 'E', message: 'm' }, createdOn: at };
    state.letters = [letter, { ...letter, sourceId: other }];
    const expected = { id, job: id, input: 1, failure: { name: 'E', message: 'm' }, at };
    expect(await answerOf(queue.deadLetters())).to.deep.equal([expected, { ...expected, job: other }]);
    await answerOf(queue.deadLetters(7));
    const find = (limit: number) => ['find', 'q.dead', { limit }];
    expect(calls).to.deep.equal(['create', find(100), find(7)]);
  });

  it('redrives dead letters 500 at a time, as long as there may be more of those from before the call', async () => {
    const { queue, calls, state } = create();
    const [now, limit] = [new Date(5), 500];
    state.rows = [{ now }];
    state.moved = [500, 500, 7];
    expect(await answerOf(queue.redrive())).to.equal(1007);
    const redrive = ['redrive', 'q.dead', { createdBefore: now, limit }];
    const sent = [redrive, ['send', work]];
    expect(calls).to.deep.equal(['create', ['select'], ...sent, ...sent, ...sent]);
    calls.length = 0;
    state.moved = [500, 0];
    expect([await answerOf(queue.redrive()), calls]).to.deep.equal([500, [['select'], ...sent, redrive]]);
    calls.length = 0;
    state.moved = [1];
    expect(await answerOf(queue.redrive([id, other]))).to.equal(1);
    expect(calls[1]).to.deep.equal(['redrive', 'q.dead', { createdBefore: now, limit, ids: [id, other] }]);
    calls.length = 0;
    expect([await answerOf(queue.redrive([])), calls]).to.deep.equal([0, []]);
  });

  it('emits its own events alone', async () => {
    const { queue, all$ } = create();
    const events = firstValueFrom(queue.events$.pipe(toArray()));
    for (const name of ['q', 'r', 'q']) all$.next({ queue: name });
    all$.complete();
    expect(await events).to.deep.equal([{ queue: 'q' }, { queue: 'q' }]);
  });

  it('refuses invalid arguments, and options that the tables of pg-boss do not allow', async () => {
    const { queue, calls, state } = create();
    const names = ['cancel', 'job', 'promote', 'retry', 'remove'] as const;
    for (const [name, calls] of [
      ['job', names.map((method) => () => queue[method]('x'))],
      ['limit', [0, 1001].map((limit) => () => queue.groups(limit))],
      ['limit', [0, 100_001].map((limit) => () => queue.deadLetters(limit))],
      ['limit', [() => queue.jobs({ limit: 0 })]],
      ['ids', [() => queue.redrive(['x'])]],
    ] as const)
      for (const call of calls) {
        const error = await rejectionOf(answerOf<unknown>(call()));
        expect(error).to.be.instanceOf(RangeError).with.property('message').that.includes(`Expected \`${name}\``);
      }
    expect(() => queue.result('x')).to.throw(RangeError);
    expect(() => queue.worker(1 as never)).to.throw(TypeError, 'Expected `handler`');
    expect(() => queue.submit(1, { group: 'g' })).to.throw(TypeError, 'Expected no option `group`');
    const unsupported = await rejectionOf(answerOf(queue.enqueue(1, { group: 'g' })));
    expect(unsupported.message).to.include('Expected no option `group`');
    expect((await rejectionOf(answerOf(queue.enqueueMany(1 as never)))).message).to.include('Expected `inputs`');
    for (const [call, name] of [
      [() => queue.enqueue(1n), 'input'],
      [() => queue.enqueue(() => NEVER), 'input'],
      [() => queue.enqueueMany([1, 2n]), 'inputs[1]'],
    ] as const)
      expect((await rejectionOf(answerOf<unknown>(call()))).message).to.include(`Expected \`${name}\` to be JSON`);
    const [error] = (await subscribe(queue.submit(1n))).texts;
    expect(error).to.include('Expected `input` to be JSON');
    expect(() => new JobQueue({} as never, 'a b', {})).to.throw(RangeError, 'Expected `name`');
    expect(calls).to.deep.equal([]);
    state.rows = [{ group: 'g', waiting: 1, running: 0 }];
    expect(await answerOf(queue.groups())).to.deep.equal(state.rows);
    await answerOf(queue.groups(1000));
    await answerOf(queue.deadLetters(100_000));
    expect(calls.slice(0, 2)).to.deep.equal([
      ['select', 'q', 10],
      ['select', 'q', 1000],
    ]);
  });

  it('inserts the jobs of a transaction together, when the queue exists', async () => {
    const { queue, calls, inserted } = create();
    const statements: string[] = [];
    const db = {
      query: (text: string) => {
        statements.push(text);
        return Promise.resolve({ rows: [] });
      },
    };
    const ids = await answerOf(queue.enqueueMany([1, 2], { db }));
    expect(ids).to.deep.equal(inserted.map((job) => job.id));
    expect(calls).to.deep.equal(['create', ['send within']]);
    await answerOf(queue.enqueueMany([3], { db, notify: false }));
    expect(inserted.map((job) => job.data)).to.deep.equal([{ input: 1 }, { input: 2 }, { input: 3 }]);
    expect(calls.length).to.equal(2);
    expect(statements.length).to.equal(4);
  });
});
