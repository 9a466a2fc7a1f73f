import { expect } from 'chai';
import { endWith, NEVER, Observable, Subject, timer } from 'rxjs';
import sinon from 'sinon';
import { withCancel } from '../../lib/context/context.js';
import type { ClaimOwner } from '../../lib/fleet/heartbeats.js';
import type { ClaimedJob } from '../../lib/fleet/job-store.js';
import type { QueueHandle } from '../../lib/fleet/queue-handle.js';
import { toPolicy } from '../../lib/fleet/queue-policy.js';
import type { JobEvent, JobHandler } from '../../lib/fleet/queue-types.js';
import { WorkerRun } from '../../lib/fleet/worker-run.js';
import type { WorkerLimits } from '../../lib/fleet/worker-options.js';
import { fakeDatabase } from '../helpers/fake-database.js';

const claimOf = (id: string, input: unknown = id): ClaimedJob<unknown> => ({ id, retryCount: 0, data: { input } });

/** The owner of the claims of a worker that sends no heartbeats. */
const noOwner: ClaimOwner = { claims: [], onLost: () => undefined, onCancelled: () => undefined };

describe('A worker of a queue', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /**
   * Starts a worker whose claims are answered by functions, the first one and those that follow.
   *
   * @param release answers the calls that give jobs back.
   */
  async function start(
    handler: JobHandler<unknown, unknown>,
    claims: ((maxCount: number) => ClaimedJob<unknown>[] | Promise<ClaimedJob<unknown>[]>)[],
    {
      retries = 2,
      backoff = {},
      concurrency = 1,
      limits = {},
      cancelled = false,
      release = (): Promise<void> => Promise.resolve(),
      fail = (): Promise<void> => Promise.resolve(),
    }: {
      retries?: number;
      backoff?: object;
      concurrency?: number;
      limits?: WorkerLimits;
      cancelled?: boolean;
      release?: () => Promise<void>;
      fail?: () => Promise<void>;
    } = {},
  ) {
    const released: string[] = [];
    const maxCounts: number[] = [];
    const claimTimes: number[] = [];
    const sent: object[] = [];
    const emitted: unknown[][] = [];
    const maintained: unknown[] = [];
    const read: unknown[] = [];
    const hints = {
      messages$: new Subject<object>(),
      local$: new Subject<object>(),
      remote$: new Subject<object>(),
      missed$: new Subject<void>(),
      due$: new Subject<void>(),
      lost$: new Subject<void>(),
      paused$: new Subject<void>(),
    };
    const database = fakeDatabase((sql, [, ids]) => {
      if (sql.includes('read_jobs')) read.push(ids);
      return Promise.resolve({ rows: (ids as string[]).map((id) => ({ id, attempt: 0, at: null, state: 'retry' })) });
    });
    Object.assign(database.boss, {
      supervise: (queue: unknown) => Promise.resolve(maintained.push(queue)),
      fail: async (_: string, failed: { id: string }[]) => {
        await fail();
        return { settled: failed.map(({ id }) => id) };
      },
    });
    database.events$.subscribe();
    const owners: ClaimOwner[] = [];
    const [master, cancelMaster] = withCancel();
    const services = {
      name: 'me',
      database,
      heartbeatTimeoutMs: 10_000,
      master: { context: master },
      control: { ...hints, send: (message: object) => void sent.push(message) },
      poller: { due: () => hints.due$, lost: (): Observable<void> => hints.lost$, paused: () => hints.paused$ },
      heartbeats: { add: (owner: ClaimOwner) => (owners.push(owner), () => undefined) },
      jobs: {
        claim: async (_: string, { maxCount }: { maxCount: number }) => {
          maxCounts.push(maxCount);
          claimTimes.push(Date.now());
          return (await claims.shift()?.(maxCount)) ?? [];
        },
        complete: (_: string, done: { claim: { id: string } }[]) =>
          Promise.resolve(done.map(({ claim: { id } }) => ({ id, hasDependents: false }))),
        keep: (_: string, kept: { id: string }[]) => Promise.resolve(kept.map(({ id }) => id)),
        release: async (_: string, given: { id: string }[], { message }: { message: string }) => {
          await release();
          for (const { id } of given) released.push(`${id}: ${message}`);
          return given.map(({ id }) => id);
        },
      },
      events: {
        completionsPayload: () => undefined,
        emit: (queue: string, job: string, detail: object, ...flags: unknown[]) => {
          emitted.push([job, ...flags]);
          return { queue, job, ...detail };
        },
      },
      dependents: { settleInBackground: () => undefined },
    };
    const queue = { name: 'q', policy: toPolicy({ retries, backoff }), services } as unknown as QueueHandle;
    const [ctx, cancel] = withCancel();
    if (cancelled) cancel();
    const seen: string[] = [];
    const onEvent = ({ job, type }: JobEvent) => seen.push(`${job} ${type}`);
    const run$ = new Observable<JobEvent>((subscriber) =>
      new WorkerRun(queue, handler, concurrency, limits, ctx, subscriber).start(),
    );
    run$.subscribe({
      next: onEvent,
      error: (error: unknown) => seen.push(String(error)),
      complete: () => seen.push('complete'),
    });
    await clock.tickAsync(0);
    const [owner = noOwner] = owners;
    const records = { seen, released, maxCounts, claimTimes, sent, emitted, maintained, read };
    return { ...records, ...hints, owner, cancel, cancelMaster, services };
  }

  it('sends heartbeats for its claims, and cancels the handler of the very claim that is lost', async () => {
    const causes: string[] = [];
    const { seen, owner, cancel } = await start(
      (_, ctx) => {
        ctx.cancelled$.subscribe((cause) => causes.push(String(cause)));
        return NEVER;
      },
      [() => [claimOf('a'), claimOf('b')]],
    );
    const claims = owner.claims;
    expect(claims).to.deep.equal([
      { queue: 'q', claim: claimOf('a') },
      { queue: 'q', claim: claimOf('b') },
    ]);
    const [first, second] = claims;
    for (const id of ['a', 'b', 'c']) owner.onLost({ queue: 'q', claim: claimOf(id) });
    expect([owner.claims, causes]).to.deep.equal([claims, []]);
    if (second) owner.onLost(second);
    expect(owner.claims).to.deep.equal([first]);
    if (first) owner.onLost(first);
    expect(causes).to.deep.equal(['JobLostError: A job of q was lost to another process: a']);
    await clock.tickAsync(0);
    expect([owner.claims, seen]).to.deep.equal([[], ['a started', 'a lost']]);
    cancel();
  });

  it('drops a waiting job that is cancelled', async () => {
    const { owner, cancel } = await start(() => NEVER, [() => [claimOf('a'), claimOf('b')]]);
    owner.onCancelled('b');
    expect(owner.claims.map(({ claim }) => claim.id)).to.deep.equal(['a']);
    cancel();
  });

  it('fails if its jobs cannot be claimed, unless it is cancelled', async () => {
    const missing = Object.assign(new Error('no such function'), { code: '22P02' });
    const refuse = () => Promise.reject(missing);
    const closed = new TypeError('The fleet is closed');
    const { seen, services } = await start(
      () => undefined,
      Array.from({ length: 50 }, () => refuse),
    );
    await clock.tickAsync(1000);
    expect(seen).to.deep.equal([]);
    await services.database.stopRetrying();
    await clock.tickAsync(1000);
    expect(seen).to.deep.equal(['Error: no such function']);
    let reject: (error: Error) => void = () => undefined;
    const late = await start(() => undefined, [() => new Promise((_, onError) => (reject = onError))]);
    late.cancel();
    reject(closed);
    await clock.tickAsync(0);
    expect(late.seen).to.deep.equal(['complete']);
  });

  it('gives back at its cancel what it has claimed ahead, and ends when that is written', async () => {
    const answers: (() => void)[] = [];
    const { seen, released, cancel } = await start(() => NEVER, [() => ['a', 'b', 'c'].map((id) => claimOf(id))], {
      release: () => new Promise((resolve) => answers.push(resolve)),
    });
    cancel(new Error('deploy'));
    await clock.tickAsync(10);
    expect([seen, released, answers.length]).to.deep.equal([['a started'], [], 2]);
    for (const answer of answers) {
      expect(seen).not.to.include('complete');
      answer();
      await clock.tickAsync(10);
    }
    expect(released.toSorted()).to.deep.equal([
      'a: Released by me: Error: deploy',
      'b: Given back by me before its start',
      'c: Given back by me before its start',
    ]);
    expect(seen).to.deep.equal(['a started', 'a retrying', 'complete']);
  });

  it('claims ahead while its jobs are short, unless they have no retries', async () => {
    for (const [retries, expected] of [
      [2, true],
      [0, false],
    ] as const) {
      const { maxCounts, cancel } = await start(() => undefined, [() => [claimOf('a')]], { retries });
      await clock.tickAsync(10);
      expect(Math.max(...maxCounts) > 1).to.equal(expected);
      cancel();
      await clock.tickAsync(10);
    }
  });

  it('claims jobs at each hint that its queue may have some', async () => {
    const { claimTimes, messages$, due$, missed$, cancel } = await start(() => undefined, []);
    const hint = async (send: () => void) => {
      send();
      await clock.tickAsync(1000);
      return claimTimes.splice(0).length;
    };
    expect(claimTimes.splice(0).length).to.equal(1);
    expect([
      await hint(() => messages$.next({ type: 'work', queue: 'q' })),
      await hint(() => due$.next()),
      await hint(() => missed$.next()),
      await hint(() => messages$.next({ type: 'work', queue: 'other' })),
      await hint(() => messages$.next({ type: 'cancel', queue: 'q', job: 'a' })),
      await hint(() => messages$.next({ type: 'fleet' })),
    ]).to.deep.equal([1, 1, 1, 0, 0, 0]);
    cancel();
  });

  it('makes one claim at a time, and the next one because of the hints in between', async () => {
    const answers: (() => void)[] = [];
    const answerLater = () =>
      new Promise<ClaimedJob<unknown>[]>((resolve) => {
        answers.push(() => resolve([]));
      });
    const { maxCounts, messages$, cancel } = await start(() => undefined, [answerLater, answerLater]);
    for (let n = 0; n < 3; n++) {
      messages$.next({ type: 'work', queue: 'q' });
      await clock.tickAsync(1);
    }
    expect(maxCounts).to.deep.equal([1]);
    answers[0]?.();
    await clock.tickAsync(1);
    expect(maxCounts).to.deep.equal([1, 1]);
    answers[1]?.();
    await clock.tickAsync(1000);
    expect(maxCounts.length).to.equal(2);
    cancel();
  });

  it('claims no more after an answer with too few jobs, unless a limit may have held back some', async () => {
    for (const [limits, expected] of [
      [{}, [2]],
      [{ groupConcurrency: 1 }, [2, 2]],
    ] as const) {
      const { maxCounts, cancel } = await start(() => timer(10), [() => [claimOf('a')]], { concurrency: 2, limits });
      await clock.tickAsync(100);
      expect(maxCounts).to.deep.equal(expected);
      cancel();
    }
  });

  it('runs waiting jobs one after the other in the free slots', async () => {
    const { seen, cancel } = await start(() => timer(10), [() => ['a', 'b', 'c'].map((id) => claimOf(id))]);
    await clock.tickAsync(100);
    expect(seen.toSorted()).to.deep.equal(['a', 'b', 'c'].flatMap((id) => [`${id} completed`, `${id} started`]));
    expect(seen.filter((text) => text.endsWith('started'))).to.deep.equal(['a started', 'b started', 'c started']);
    cancel();
  });

  it('runs a thousand waiting jobs that end at once', async () => {
    const count = 1000;
    const ids = Array.from({ length: count }, (_, n) => String(n));
    const { seen, cancel } = await start(() => undefined, [() => ids.map((id) => claimOf(id))]);
    await clock.tickAsync(100);
    expect(seen.filter((text) => text.endsWith('completed')).length).to.equal(count);
    cancel();
  });

  it('claims ahead what it runs within 100 ms, when half of that is used', async () => {
    // The times are far from 0.
    await clock.tickAsync(300);
    let last = 0;
    const asMany = (count: number) => Array.from({ length: count }, () => claimOf(String(++last)));
    for (const [limits, expected] of [
      [{}, [1, 11, 5, 5]],
      [{ groupConcurrency: 9 }, [1, 1, 1, 1]],
      [{ rate: { jobs: 1, per: 60_000 } }, [1, 1, 1, 1]],
    ] as const) {
      const { maxCounts, cancel } = await start(() => timer(10), [asMany, asMany, asMany], { limits });
      await clock.tickAsync(120);
      expect(maxCounts.slice(0, 4)).to.deep.equal(expected);
      cancel();
      await clock.tickAsync(1000);
    }
  });

  it('claims nothing if its jobs turn out long just before', async () => {
    const ends = new Map<unknown, Subject<void>>();
    const handler = (id: unknown) => {
      const end = new Subject<void>();
      ends.set(id, end);
      return end.pipe(endWith(id));
    };
    const work = { type: 'work', queue: 'q' };
    const { maxCounts, messages$, cancel } = await start(
      handler,
      [() => [claimOf('long')], () => [claimOf('short')], () => ['a', 'b', 'c'].map((id) => claimOf(id))],
      { concurrency: 2 },
    );
    await clock.tickAsync(10_000);
    messages$.next(work);
    await clock.tickAsync(10);
    ends.get('short')?.complete();
    await clock.tickAsync(10);
    expect(maxCounts.slice(0, 2)).to.deep.equal([2, 1]);
    expect(maxCounts[2]).to.be.greaterThan(3);
    messages$.next(work);
    ends.get('long')?.complete();
    await clock.tickAsync(10);
    expect(maxCounts.length).to.equal(3);
    cancel();
  });

  it('does nothing while it has no free slot, although its queue may have more jobs', async () => {
    const { maxCounts, messages$, cancel } = await start(() => NEVER, [() => [claimOf('a')]]);
    messages$.next({ type: 'work', queue: 'q' });
    // It looks for waiting jobs.
    expect(await clock.nextAsync()).to.equal(1000);
    expect(maxCounts).to.deep.equal([1]);
    cancel();
  });

  it('gives waiting jobs back during a pause of its queue, or when no job has ended for a second', async () => {
    const claims = () => ['a', 'b'].map((id) => claimOf(id));
    const paused = await start(() => NEVER, [claims]);
    paused.paused$.next();
    await clock.tickAsync(10);
    expect(paused.released).to.deep.equal(['b: Given back by me before its start']);
    paused.cancel();
    const slow = await start((id) => (id === 'a' ? timer(500) : NEVER), [() => [...claims(), claimOf('c')]]);
    await clock.tickAsync(1400);
    expect(slow.released).to.deep.equal([]);
    await clock.tickAsync(700);
    expect(slow.released).to.deep.equal(['c: Given back by me before its start']);
    slow.cancel();
  });

  it('with a rate claims at intervals of at least 50 ms, as long as its last jobs count', async () => {
    for (const [rate, ms] of [
      [{ jobs: 10, per: 1000 }, 100],
      [{ jobs: 1000, per: 1000 }, 50],
    ] as const) {
      const { claimTimes, cancel } = await start(() => undefined, [() => [claimOf('a')]], { limits: { rate } });
      const startedAt = Date.now();
      await clock.tickAsync(10_000);
      // The first two are because of the start, and because of a full answer. Each waits for a turn, which takes 1 ms.
      const delays = claimTimes.slice(2).map((time) => time - startedAt - 1);
      expect(delays).to.deep.equal(Array.from({ length: 2000 / ms - 1 }, (_, n) => (n + 1) * ms));
      cancel();
      const idle = await start(() => undefined, [], { limits: { rate } });
      await clock.tickAsync(10_000);
      expect(idle.claimTimes.length).to.equal(1);
      idle.cancel();
    }
  });

  it('lets pg-boss maintain its queue when another process has lost jobs', async () => {
    const { maintained, lost$, cancel } = await start(() => undefined, []);
    expect(maintained).to.deep.equal([]);
    lost$.next();
    expect(maintained).to.deep.equal(['q']);
    cancel();
  });

  it('stops the jobs that are cancelled, and reads those alone that it has', async () => {
    const causes: string[] = [];
    const { seen, read, owner, local$, remote$, cancel } = await start(
      (_, ctx) => {
        ctx.cancelled$.subscribe((cause) => causes.push(String(cause)));
        return NEVER;
      },
      [() => ['a', 'b', 'c'].map((id) => claimOf(id))],
    );
    const cancelOf = (job: string) => ({ type: 'cancel', queue: 'q', job });
    for (const job of ['x', 'b', 'a']) local$.next(cancelOf(job));
    expect(causes).to.deep.equal(['JobCancelledError: A job of q was cancelled: a']);
    expect(owner.claims.map(({ claim }) => claim.id)).to.deep.equal(['c']);
    for (const job of ['a', 'c', 'x']) remote$.next(cancelOf(job));
    await clock.tickAsync(100);
    expect([read, seen]).to.deep.equal([[['c']], ['a started', 'c started']]);
    cancel();
  });

  it('notifies the other workers of a retry that may start at once', async () => {
    const handler = (fails: unknown) => {
      if (fails) throw new Error('no');
    };
    for (const [initial, fails, expected] of [
      [0, true, [{ type: 'work', queue: 'q' }]],
      [1000, true, []],
      [0, false, []],
    ] as const) {
      const { sent, seen, emitted, cancel } = await start(handler, [() => [claimOf('a', fails)]], {
        backoff: { initial },
      });
      await clock.tickAsync(10);
      expect(seen).to.deep.equal(['a started', fails ? 'a retrying' : 'a completed']);
      expect(sent).to.deep.equal(expected);
      expect(emitted[0]).to.deep.equal(['a', false, false]);
      cancel();
    }
  });

  it('keeps its claim of a job that it runs again before the end of the attempt before is confirmed', async () => {
    let confirm: () => void = () => undefined;
    const again = { ...claimOf('a', 'again'), retryCount: 1 };
    const { owner, seen, messages$, cancel } = await start(
      (input) => {
        if (input === 'again') return NEVER;
        throw new Error('no');
      },
      [() => [claimOf('a')], () => [again]],
      { concurrency: 2, fail: () => new Promise((resolve) => (confirm = resolve)) },
    );
    messages$.next({ type: 'work', queue: 'q' });
    await clock.tickAsync(10);
    expect(seen).to.deep.equal(['a started', 'a started']);
    confirm();
    await clock.tickAsync(10);
    expect(seen.slice(2)).to.deep.equal(['a retrying']);
    expect(owner.claims).to.deep.equal([{ queue: 'q', claim: again }]);
    cancel();
  });

  it('claims nothing if it is cancelled before its start', async () => {
    const { seen, claimTimes, owner } = await start(() => undefined, [], { cancelled: true });
    await clock.tickAsync(1000);
    expect([seen, claimTimes, owner]).to.deep.equal([['complete'], [], noOwner]);
  });

  it('ends at once at its cancel if it has no jobs, and at that of the fleet', async () => {
    const { seen, cancel } = await start(() => undefined, []);
    cancel();
    expect(seen).to.deep.equal(['complete']);
    const other = await start(() => NEVER, [() => [claimOf('a')]]);
    other.cancelMaster(new Error('stop'));
    await clock.tickAsync(10);
    expect(other.released).to.deep.equal(['a: Released by me: Error: stop']);
    expect(other.seen.at(-1)).to.equal('complete');
  });

  it('ends after the handlers that ignore its cancel', async () => {
    let end: (value: unknown) => void = () => undefined;
    const { seen, cancel } = await start(() => new Promise((resolve) => (end = resolve)), [() => [claimOf('a')]]);
    cancel();
    await clock.tickAsync(1000);
    expect(seen).to.deep.equal(['a started']);
    end(7);
    await clock.tickAsync(10);
    expect(seen).to.deep.equal(['a started', 'a completed', 'complete']);
  });

  it('gives back the jobs of a claim that is answered after its cancel, before it ends', async () => {
    let answer: (claims: ClaimedJob<unknown>[]) => void = () => undefined;
    let write: () => void = () => undefined;
    const { seen, released, cancel } = await start(
      () => undefined,
      [() => new Promise((resolve) => (answer = resolve))],
      { release: () => new Promise((resolve) => (write = resolve)) },
    );
    cancel();
    answer([claimOf('a')]);
    await clock.tickAsync(100);
    expect(seen).to.deep.equal([]);
    write();
    await clock.tickAsync(10);
    expect([seen, released]).to.deep.equal([['complete'], ['a: Given back by me before its start']]);
  });
});
