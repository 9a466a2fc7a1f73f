import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { defer, firstValueFrom, interval, map, NEVER, Observable, of, take, timer } from 'rxjs';
import {
  cron,
  ordered,
  parallel,
  supervise,
  untilCancelled,
  type CancelFunc,
  type Context,
  type CronOptions,
  type RunContext,
  type Runnable,
  type SimpleTask,
  type Task,
  type TaskOutput,
  type TaskRunner,
} from '../../lib/index.js';
import type { SeededRandom } from './seeded-random.js';
import { ExpectedError, type Ledger } from './ledger.js';

/** Random tasks, and random runners composed of them. Each task checks the calls of its hooks. */
export class RandomTasks {
  readonly emitter: EventEmitter = new EventEmitter();
  protected readonly random: SeededRandom;
  protected readonly ledger: Ledger;
  private createdCount = 0;

  constructor(random: SeededRandom, ledger: Ledger) {
    this.random = random;
    this.ledger = ledger;
  }

  /** Creates a random task or tree of tasks. */
  runnable(depth = 2): Runnable {
    const kind = depth > 0 ? this.random.integer(10) : this.random.integer(6);
    if (kind < 5) return this.leaf();
    if (kind < 6) return this.cron();
    if (kind < 8) return this.supervised(depth - 1);
    const group = kind < 9 ? ordered : parallel;
    return group(`group ${++this.createdCount}`, ...this.random.array(4, () => this.runnable(depth - 1)));
  }

  leaf(once = true): SimpleTask | Task {
    const { random, ledger } = this;
    const name = `leaf ${++this.createdCount}`;
    const has = { initialize: !once || random.oneIn(2), finalize: random.pick([true, true, false]) };
    // With a long grace the task must react to the cancel, and must not leave a timer behind.
    const grace = random.pick([undefined, undefined, random.integer(20), 60_000]);
    const respondsToCancel = grace === 60_000;
    let finalized: (() => void) | undefined;
    let last: RunContext | undefined;
    const begin = (ctx: RunContext, hook: string) => {
      ledger.expect(!ctx.cancelled, `${name}: ${hook} is called after the cancel`);
      last = ctx;
    };
    const open = () => {
      ledger.expect(!finalized, `${name}: it starts again before finalize`);
      if (has.finalize) finalized = ledger.begin('finalize');
    };
    return {
      ...(has.initialize && {
        initialize: (ctx: RunContext) => {
          begin(ctx, 'initialize');
          open();
          return this.output(ctx, respondsToCancel);
        },
      }),
      execute: (ctx: RunContext, cancel: CancelFunc) => {
        begin(ctx, 'execute');
        if (!has.initialize) open();
        if (random.oneIn(30)) cancel(new Error('by a hook'));
        return this.output(ctx, respondsToCancel);
      },
      ...(has.finalize && {
        finalize: () => {
          ledger.expect(finalized !== undefined, `${name}: finalize without a start`);
          // The last context of a cron belongs to its last run, which may have been abandoned.
          ledger.expect(!once || last?.cancelled === true, `${name}: finalize before the cancel`);
          finalized?.();
          finalized = last = undefined;
          return this.output();
        },
      }),
      ...(grace !== undefined && { grace }),
      toString: () => name,
    };
  }

  cron(): TaskRunner {
    const { random } = this;
    const options: CronOptions = {
      overlap: random.pick(['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'allowAll']),
      missed: random.pick(['skip', 'runOnce', 'runAll']),
      onError: random.oneIn(10) ? 'stop' : 'continue',
      jitter: random.pick([0, 0, 3]),
      random: random.next,
      ...(random.oneIn(3) && { timeout: 1 + random.integer(20) }),
      ...(random.oneIn(3) && { maxRuns: 1 + random.integer(20) }),
      ...(random.oneIn(4) && { coordinator: { lease: () => this.lease() } }),
    };
    const every = 2 + random.integer(20);
    const schedule = random.pick([every, every, '* * * * * *', { next: (after: number) => after + every }]);
    return cron(this.leaf(false), schedule, options);
  }

  private lease(): Observable<boolean> {
    const { random } = this;
    return random.pick([of(true), of(false), NEVER, timer(random.integer(10)).pipe(map(() => random.oneIn(2)))]);
  }

  private supervised(depth: number): TaskRunner {
    const { random } = this;
    return supervise(this.runnable(depth), {
      restart: random.pick(['on-failure', 'always']),
      backoff: { initial: random.integer(10), max: 20, random: random.next },
      maxRestarts: random.pick([0, 2, 20]),
    });
  }

  /** Returns a random output of a hook. It ends, it fails, or, given a context, it waits for the cancel. */
  output(ctx?: Context, respondsToCancel = false): TaskOutput<number> {
    const { random } = this;
    const fate = random.pick(ctx ? ['ends', 'ends', 'fails', 'waits', 'waits'] : ['ends', 'ends', 'ends', 'fails']);
    const ms = random.pick([0, random.integer(30)]);
    const settle = (): number => {
      if (fate === 'fails') throw new ExpectedError('hook');
      return ms;
    };
    const wait = () => (ctx && fate === 'waits' ? this.untilCancel(ctx) : this.sleep(ms));
    const resource = () =>
      ctx && respondsToCancel ? this.heldResource().pipe(untilCancelled(ctx)) : this.heldResource();
    const ending = timer(ms).pipe(map(settle));
    switch (random.pick(['value', 'promise', 'observable', 'iterable', 'stream', 'promise of a stream'])) {
      case 'value':
        return fate === 'waits' ? (respondsToCancel ? resource() : NEVER) : settle();
      case 'promise':
        return wait().then(settle);
      case 'observable':
        return fate === 'waits' ? resource() : ending;
      case 'iterable':
        return iterate(wait, settle);
      case 'stream':
        return Readable.from(iterate(wait, settle));
      default:
        return this.sleep(random.integer(5)).then(() => (fate === 'waits' ? resource() : ending));
    }
  }

  sleep(ms: number): Promise<void> {
    const end = this.ledger.begin('timer');
    return new Promise((resolve) => {
      setTimeout(() => {
        end();
        resolve();
      }, ms);
    });
  }

  /** Settles some time after the cancel, with a value or with its cause. */
  private async untilCancel(ctx: Context): Promise<void> {
    const end = this.ledger.begin('wait for a cancel');
    // The listener stays on the signal, which belongs to this run alone.
    if (!ctx.cancelled && this.random.oneIn(2))
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
    else await firstValueFrom(ctx.cancelled$);
    if (this.random.oneIn(3)) await this.sleep(this.random.integer(15));
    end();
    if (this.random.oneIn(2)) ctx.signal.throwIfAborted();
  }

  /** Returns an endless Observable that holds a handle and a listener. */
  private heldResource(): Observable<number> {
    return defer(() => {
      const end = this.ledger.begin('subscription');
      return new Observable<number>((subscriber) => {
        const listener = () => subscriber.next(1);
        this.emitter.on('value', listener);
        const subscription = interval(5).pipe(take(1000)).subscribe(subscriber);
        return () => {
          this.emitter.off('value', listener);
          subscription.unsubscribe();
          end();
        };
      });
    });
  }
}

async function* iterate(wait: () => Promise<void>, settle: () => number): AsyncGenerator<number> {
  yield 1;
  await wait();
  yield settle();
}
