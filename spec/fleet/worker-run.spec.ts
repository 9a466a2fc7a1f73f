import { expect } from 'chai';
import { NEVER, Observable, Subject } from 'rxjs';
import sinon from 'sinon';
import { withCancel } from '../../lib/context/context.js';
import type { ClaimOwner } from '../../lib/fleet/heartbeats.js';
import type { ClaimedJob } from '../../lib/fleet/job-store.js';
import type { QueueHandle } from '../../lib/fleet/queue-handle.js';
import { toPolicy } from '../../lib/fleet/queue-policy.js';
import type { JobEvent, JobHandler } from '../../lib/fleet/queue-types.js';
import { WorkerRun } from '../../lib/fleet/worker-run.js';
import { fakeDatabase } from '../helpers/fake-database.js';

const claimOf = (id: string, input: unknown = id): ClaimedJob<unknown> => ({ id, retryCount: 0, data: { input } });

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
    claims: (() => ClaimedJob<unknown>[] | Promise<ClaimedJob<unknown>[]>)[],
    { retries = 2, release = () => Promise.resolve() } = {},
  ) {
    const released: string[] = [];
    const maxCounts: number[] = [];
    const lost$ = new Subject<void>();
    const database = fakeDatabase((_, [, ids]) =>
      Promise.resolve({ rows: (ids as string[]).map((id) => ({ id, attempt: 0, at: null, state: 'retry' })) }),
    );
    database.events$.subscribe();
    const owners: ClaimOwner[] = [];
    const [master] = withCancel();
    const services = {
      name: 'me',
      database,
      heartbeatTimeoutMs: 10_000,
      master: { context: master },
      control: { messages$: NEVER, local$: NEVER, remote$: NEVER, missed$: NEVER, send: () => undefined },
      poller: { due: () => NEVER, lost: (): Observable<void> => lost$, paused: () => NEVER },
      heartbeats: { add: (owner: ClaimOwner) => (owners.push(owner), () => undefined) },
      jobs: {
        claim: async (_: string, { maxCount }: { maxCount: number }) => {
          maxCounts.push(maxCount);
          return (await claims.shift()?.()) ?? [];
        },
        complete: (_: string, done: { claim: { id: string } }[]) =>
          Promise.resolve(done.map(({ claim: { id } }) => ({ id, hasDependents: false }))),
        release: async (_: string, given: { id: string }[], { message }: { message: string }) => {
          await release();
          for (const { id } of given) released.push(`${id}: ${message}`);
          return given.map(({ id }) => id);
        },
      },
      events: {
        completionsPayload: () => undefined,
        emit: (queue: string, job: string, detail: object) => ({ queue, job, ...detail }),
      },
      dependents: { settleInBackground: () => undefined },
    };
    const queue = { name: 'q', policy: toPolicy({ retries }), services } as unknown as QueueHandle;
    const [ctx, cancel] = withCancel();
    const seen: string[] = [];
    const onEvent = ({ job, type }: JobEvent) => seen.push(`${job} ${type}`);
    const run$ = new Observable<JobEvent>((subscriber) =>
      new WorkerRun(queue, handler, 1, {}, ctx, subscriber).start(),
    );
    run$.subscribe({
      next: onEvent,
      error: (error: unknown) => seen.push(String(error)),
      complete: () => seen.push('complete'),
    });
    await clock.tickAsync(0);
    const [owner] = owners;
    if (!owner) throw new Error('The worker sends no heartbeats');
    return { seen, released, maxCounts, owner, cancel, services };
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
});
