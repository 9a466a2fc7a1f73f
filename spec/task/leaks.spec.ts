import { expect } from 'chai';
import { EventEmitter, getEventListeners } from 'node:events';
import { firstValueFrom, lastValueFrom, NEVER, Observable, throwError, toArray } from 'rxjs';
import {
  cron,
  joinAll,
  launchRunner,
  ordered,
  parallel,
  signalListener,
  supervise,
  task,
  taskRunner,
  withCancel,
  withTimeout,
} from '../../lib/index.js';
import { listenerCount } from '../helpers/collect.js';
import { settled } from '../helpers/tasks.js';

describe('A runner', () => {
  it('has a flat heap and leaks no listeners or handles over 10,000 cycles of start and stop', async () => {
    const emitter = new EventEmitter();
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(
      task('x', {
        initialize: async () => undefined,
        execute: (run) => {
          run.signal.addEventListener('abort', () => undefined);
          return new Observable(() => {
            const listener = () => undefined;
            emitter.on('x', listener);
            const handle = setInterval(listener, 1000);
            return () => {
              clearInterval(handle);
              emitter.off('x', listener);
            };
          });
        },
        finalize: async () => undefined,
      }),
    );
    const cycles = async (n: number) => {
      for (let i = 0; i < n; i++) {
        const subscription = runner.start(ctx, cancel).subscribe();
        await lastValueFrom(runner.ready$);
        subscription.unsubscribe();
        await lastValueFrom(runner.done$);
      }
      await settled();
      globalThis.gc?.();
      return process.memoryUsage().heapUsed;
    };
    const handles = process.getActiveResourcesInfo().length;
    const before = await cycles(1000);
    const after = await cycles(10_000);
    expect([emitter.listenerCount('x'), listenerCount(ctx)]).to.deep.equal([0, 0]);
    // Mocha has handles of its own.
    expect(process.getActiveResourcesInfo().length).to.be.below(handles + 10);
    expect(globalThis.gc, 'mocha runs with --expose-gc').to.be.a('function');
    // A leak of 100 B a cycle is 1 MB.
    expect(after - before).to.be.below(1e6);
  });

  it('has a flat heap and leaks no listeners or handles over 600 cycles of each kind that uses timers', async () => {
    const { signal } = new AbortController();
    const target = new EventEmitter();
    const idle = task('idle', () => NEVER);
    const runners = [
      // Is in its grace for a moment.
      taskRunner(task('graceful', { execute: ({ cancelled$ }) => firstValueFrom(cancelled$), grace: 60_000 })),
      cron(idle, 60_000, { timeout: 60_000 }),
      cron(idle, '@hourly'),
      supervise(
        task('failing', () => throwError(() => new Error('boom'))),
        { backoff: { initial: 60_000, max: 60_000 } },
      ),
      ordered('ordered', idle, signalListener({ target })),
      parallel('parallel', idle, supervise(idle)),
    ];
    for (const { events$ } of runners) events$.subscribe();
    const cycles = async (n: number) => {
      for (let i = 0; i < n; i++) {
        const [ctx, cancel] = withTimeout(60_000, signal);
        for (const runner of runners) launchRunner(ctx, cancel, runner);
        const joined = lastValueFrom(joinAll(ctx, 60_000, runners).pipe(toArray()));
        cancel();
        for (const { status } of await joined) expect(status).to.equal('cancelled');
      }
      await settled();
      globalThis.gc?.();
      return process.memoryUsage().heapUsed;
    };
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = { heap: await cycles(200), timers: timers() };
    const heap = await cycles(600);
    expect([getEventListeners(signal, 'abort').length, target.eventNames()]).to.deep.equal([0, []]);
    // Specs before this one may have left some. Those of 600 cycles would be many.
    expect(timers()).to.be.below(before.timers + 100);
    // A leaked run is 400 B, and 3,600 of them 1.4 MB.
    expect(heap - before.heap).to.be.below(1e6);
  });
});
