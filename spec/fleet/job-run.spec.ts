import { expect } from 'chai';
import { concat, NEVER, of, Subject, throwError, type Observable } from 'rxjs';
import { withCancel } from '../../lib/context/context.js';
import type { RunContext } from '../../lib/context/types.js';
import type { AttemptResult, WrittenResult } from '../../lib/fleet/attempt-results.js';
import { JobCancelledError, JobLostError, UnrecoverableError } from '../../lib/fleet/errors.js';
import { JobRun, type WorkerRunPort } from '../../lib/fleet/job-run.js';
import { toPolicy } from '../../lib/fleet/queue-policy.js';
import { virtualClock } from '../../lib/testing/index.js';

const failure = { name: 'Error', message: 'no' };
const fail = () => {
  throw new Error('no');
};

describe('An attempt of a job', () => {
  /** Runs a handler. Returns the calls that it makes of its worker, in their order. */
  function run(
    handler: WorkerRunPort<unknown, unknown>['handler'],
    { written, awaited }: { written?: Observable<WrittenResult | undefined>; awaited?: boolean | undefined } = {},
  ) {
    const clock = virtualClock();
    const calls: unknown[][] = [];
    const [ctx, stop] = withCancel(undefined, { scheduler: clock });
    const worker: WorkerRunPort<unknown, unknown> = {
      queue: { name: 'q', policy: toPolicy({ timeout: 100 }), services: { name: 'me' } },
      handler,
      ctx,
      write: (claim, result: AttemptResult, isAwaited) => {
        calls.push(['write', claim.retryCount, result, isAwaited]);
        return written ?? NEVER;
      },
      emit: (job, { type }, ...flags) => calls.push([`${job} ${type}`, ...flags]),
      releaseSlot: () => calls.push(['release']),
      fail: (error) => calls.push(['fail', String(error)]),
      ended: () => calls.push(['ended']),
    };
    const data = { input: 1, ...(awaited !== undefined && { awaited }) };
    const job = new JobRun(worker, { id: 'x', retryCount: 2, data });
    job.start();
    expect(calls.shift()).to.deep.equal(['x started']);
    return { clock, calls, job, stop };
  }

  it('frees its slot before its output is written, and after a failure', () => {
    const write = (result: AttemptResult) => ['write', 2, result, false];
    const [output, json] = [{ value: 7 }, '{"value":7}'];
    for (const [handler, written, expected] of [
      [() => 7, { output }, [['release'], write({ output, json }), ['x completed', false, undefined], ['ended']]],
      [fail, { failure, outcome: 'retrying' }, [write({ failure }), ['x retrying', false], ['release'], ['ended']]],
      [() => 7, undefined, [['release'], write({ output, json }), ['x lost'], ['ended']]],
    ] as const)
      expect(run(handler, { written: of(written) }).calls).to.deep.equal(expected);
  });

  it('is awaited by its submitter only at its end, about which its statement may have notified it', () => {
    for (const awaited of [true, false])
      for (const [handler, written, expected] of [
        [() => 7, { output: {}, notified: true }, ['x completed', awaited, true]],
        [() => 7, { output: {}, notified: false }, ['x completed', awaited, false]],
        [fail, { failure, outcome: 'failed' }, ['x failed', awaited]],
        [fail, { failure, outcome: 'retrying' }, ['x retrying', false]],
      ] as const) {
        const { calls } = run(handler, { written: of(written), awaited });
        expect(calls.find(([type]) => String(type).startsWith('x '))).to.deep.equal(expected);
        expect(calls.find(([type]) => type === 'write')?.at(-1)).to.equal(awaited);
      }
  });

  it('has its job in the context of its run', () => {
    const jobs: unknown[] = [];
    for (const awaited of [undefined, true]) run((_, ctx) => jobs.push((ctx as RunContext).job), { awaited });
    const job = { id: 'x', queue: 'q', attempt: 3, trace: undefined };
    expect(jobs).to.deep.equal([
      { ...job, awaited: false },
      { ...job, awaited: true },
    ]);
  });

  it('has a final failure after an UnrecoverableError, and one for an output that is no JSON', () => {
    const resultOf = (handler: () => unknown) =>
      run(handler).calls.find(([type]) => type === 'write')?.[2] as { failure: { name: string }; final?: true };
    const unrecoverable = resultOf(() => {
      throw new UnrecoverableError('never');
    });
    expect(unrecoverable).to.deep.equal({ failure: { name: 'UnrecoverableError', message: 'never' }, final: true });
    expect(resultOf(() => 1n).failure).to.deep.equal({
      name: 'TypeError',
      message: 'Expected `output` to be JSON: Do not know how to serialize a BigInt',
    });
  });

  it('that another process owns is abandoned once, and its result is not written', () => {
    for (const [cause, types] of [
      [new JobLostError('q', 'x'), [['release'], ['x lost']]],
      [new JobCancelledError('q', 'x'), [['release']]],
    ] as const) {
      const causes: unknown[] = [];
      const late = new Subject<number>();
      const { clock, calls, job } = run((_, ctx) => {
        ctx.cancelled$.subscribe((reason) => causes.push(reason));
        return late;
      });
      job.abandon(cause);
      job.abandon(cause);
      clock.advance(1000);
      expect([calls, causes]).to.deep.equal([[...types, ['ended']], [cause]]);
    }
  });

  it('fails at its timeout, and ends when that is written and its handler has ended', async () => {
    const written = new Subject<WrittenResult>();
    let resolve: (value: number) => void = () => undefined;
    const { clock, calls } = run(() => new Promise<number>((onResolve) => (resolve = onResolve)), { written });
    clock.advance(99);
    expect(calls).to.deep.equal([]);
    clock.advance(1);
    const timedOut = { failure: { name: 'DeadlineError', message: 'Not done within 100 ms' } };
    expect(calls).to.deep.equal([['release'], ['write', 2, timedOut, false]]);
    written.next({ ...timedOut, outcome: 'failed' });
    written.complete();
    expect(calls.slice(2)).to.deep.equal([['x failed', false]]);
    resolve(7);
    await new Promise(setImmediate);
    expect(calls.slice(3)).to.deep.equal([['ended']]);
  });

  it('fails its worker if its result cannot be written', () => {
    const { calls } = run(() => 7, { written: throwError(() => new TypeError('closed')) });
    expect(calls.slice(2)).to.deep.equal([['fail', 'TypeError: closed'], ['ended']]);
  });

  it('is released by the stop of its worker, unless its promise is resolved', async () => {
    const released = run(() => NEVER);
    released.stop(new Error('deploy'));
    const message = 'Released by me: Error: deploy';
    expect(released.calls[0]).to.deep.equal(['write', 2, { released: { name: 'Released', message } }, false]);
    const resolved = run((_, ctx) => new Promise((resolve) => ctx.cancelled$.subscribe(() => resolve(7))));
    resolved.stop(new Error('deploy'));
    await new Promise(setImmediate);
    expect(resolved.calls[1]).to.deep.equal(['write', 2, { output: { value: 7 }, json: '{"value":7}' }, false]);
  });

  it('is released by the stop of its worker while a stream emits with which its promise is resolved', async () => {
    for (const stream$ of [NEVER, concat(of(1, 2), NEVER)]) {
      const { calls, stop } = run(async () => stream$);
      await new Promise(setImmediate);
      stop(new Error('deploy'));
      const message = 'Released by me: Error: deploy';
      expect(calls[0]).to.deep.equal(['write', 2, { released: { name: 'Released', message } }, false]);
    }
  });
});
