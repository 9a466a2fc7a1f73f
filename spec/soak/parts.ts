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
import type { Chance } from './chance.js';
import { Boom, type Ledger } from './ledger.js';

/** Tasks that do this or that, each of which keeps an account of how its hooks are called, and what is made of them. */
export class Parts {
  readonly emitter: EventEmitter = new EventEmitter();
  protected readonly chance: Chance;
  protected readonly ledger: Ledger;
  private made = 0;

  constructor(chance: Chance, ledger: Ledger) {
    this.chance = chance;
    this.ledger = ledger;
  }

  /** A task, or a tree of them. */
  runnable(depth = 2): Runnable {
    const kind = depth > 0 ? this.chance.below(10) : this.chance.below(6);
    if (kind < 5) return this.leaf();
    if (kind < 6) return this.cron();
    if (kind < 8) return this.supervised(depth - 1);
    const group = kind < 9 ? ordered : parallel;
    return group(`group ${++this.made}`, ...this.chance.some(4, () => this.runnable(depth - 1)));
  }

  leaf(once = true): SimpleTask | Task {
    const { chance, ledger } = this;
    const name = `leaf ${++this.made}`;
    const has = { initialize: !once || chance.in(2), finalize: chance.of([true, true, false]) };
    // With a long one it has to heed the cancel, and its timer must not outlast it.
    const grace = chance.of([undefined, undefined, chance.below(20), 60_000]);
    const heeds = grace === 60_000;
    let finalized: (() => void) | undefined;
    let last: RunContext | undefined;
    const begin = (ctx: RunContext, hook: string) => {
      ledger.expect(!ctx.cancelled, `${name}: ${hook} is called after the cancel`);
      last = ctx;
    };
    const open = () => {
      ledger.expect(!finalized, `${name}: it begins again before finalize`);
      if (has.finalize) finalized = ledger.begin('finalize');
    };
    return {
      ...(has.initialize && {
        initialize: (ctx: RunContext) => {
          begin(ctx, 'initialize');
          open();
          return this.output(ctx, heeds);
        },
      }),
      execute: (ctx: RunContext, cancel: CancelFunc) => {
        begin(ctx, 'execute');
        if (!has.initialize) open();
        if (chance.in(30)) cancel(new Error('by a hook'));
        return this.output(ctx, heeds);
      },
      ...(has.finalize && {
        finalize: () => {
          ledger.expect(finalized !== undefined, `${name}: finalize without a beginning`);
          // A cron's last context is of its last run, which may have been given up.
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
    const { chance } = this;
    const options: CronOptions = {
      overlap: chance.of(['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'allowAll']),
      missed: chance.of(['skip', 'runOnce', 'runAll']),
      onError: chance.in(10) ? 'stop' : 'continue',
      jitter: chance.of([0, 0, 3]),
      random: chance.random,
      ...(chance.in(3) && { timeout: 1 + chance.below(20) }),
      ...(chance.in(3) && { maxRuns: 1 + chance.below(20) }),
      ...(chance.in(4) && { coordinator: { lease: () => this.lease() } }),
    };
    const every = 2 + chance.below(20);
    const schedule = chance.of([every, every, '* * * * * *', { next: (after: number) => after + every }]);
    return cron(this.leaf(false), schedule, options);
  }

  private lease(): Observable<boolean> {
    const { chance } = this;
    return chance.of([of(true), of(false), NEVER, timer(chance.below(10)).pipe(map(() => chance.in(2)))]);
  }

  private supervised(depth: number): TaskRunner {
    const { chance } = this;
    return supervise(this.runnable(depth), {
      restart: chance.of(['on-failure', 'always']),
      backoff: { initial: chance.below(10), max: 20, random: chance.random },
      maxRestarts: chance.of([0, 2, 20]),
    });
  }

  /** What a hook may give back: of every kind, and it ends, fails, or, given a context, hangs until that is cancelled. */
  output(ctx?: Context, heeds = false): TaskOutput<number> {
    const { chance } = this;
    const fate = chance.of(ctx ? ['ends', 'ends', 'fails', 'hangs', 'hangs'] : ['ends', 'ends', 'ends', 'fails']);
    const ms = chance.of([0, chance.below(30)]);
    const settle = (): number => {
      if (fate === 'fails') throw new Boom('hook');
      return ms;
    };
    const wait = () => (ctx && fate === 'hangs' ? this.cancelOf(ctx) : this.sleep(ms));
    const held = () => (ctx && heeds ? this.held().pipe(untilCancelled(ctx)) : this.held());
    const ending = timer(ms).pipe(map(settle));
    switch (chance.of(['value', 'promise', 'observable', 'iterable', 'stream', 'promise of a stream'])) {
      case 'value':
        return fate === 'hangs' ? (heeds ? held() : NEVER) : settle();
      case 'promise':
        return wait().then(settle);
      case 'observable':
        return fate === 'hangs' ? held() : ending;
      case 'iterable':
        return iterate(wait, settle);
      case 'stream':
        return Readable.from(iterate(wait, settle));
      default:
        return this.sleep(chance.below(5)).then(() => (fate === 'hangs' ? held() : ending));
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

  /** A promise that heeds the cancel, sooner or later, by its value or by its error. */
  private async cancelOf(ctx: Context): Promise<void> {
    const end = this.ledger.begin('wait for a cancel');
    // The listener is left to the signal, which is the run's own.
    if (!ctx.cancelled && this.chance.in(2))
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
    else await firstValueFrom(ctx.cancelled$);
    if (this.chance.in(3)) await this.sleep(this.chance.below(15));
    end();
    if (this.chance.in(2)) ctx.signal.throwIfAborted();
  }

  /** An Observable without an end, that holds a handle and a listener. */
  private held(): Observable<number> {
    return defer(() => {
      const end = this.ledger.begin('subscription');
      return new Observable<number>((subscriber) => {
        const tell = () => subscriber.next(1);
        this.emitter.on('tell', tell);
        const subscription = interval(5).pipe(take(1000)).subscribe(subscriber);
        return () => {
          this.emitter.off('tell', tell);
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
