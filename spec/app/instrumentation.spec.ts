import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { defer, lastValueFrom, map, NEVER, of, timer } from 'rxjs';
import {
  background,
  cron,
  future,
  launch,
  orchestrate,
  ordered,
  parallel,
  supervise,
  task,
  withCancel,
  type Instrumentation,
  type Runnable,
  type RunContext,
} from '../../lib/index.js';
import { virtually } from '../helpers/virtual-time.js';

const plain: Runnable = task('plain', { initialize: () => 0, execute: () => 1, finalize: () => 2 });

describe('instruments', () => {
  it('surround each hook, the first outermost', async () => {
    const told: string[] = [];
    const named = (name: string): Instrumentation => ({
      wrapHook(run, phase, hook) {
        told.push(`${name} ${run.task} ${phase}`);
        hook();
        told.push(`/${name}`);
      },
    });
    await launch([plain], { instrumentation: [named('a'), {}, named('b')] });
    const hook = (phase: string) => [`a plain ${phase}`, `b plain ${phase}`, '/b', '/a'];
    // The end of one hook calls the next.
    expect(told.filter((one) => !one.startsWith('/'))).to.deep.equal(
      ['initialize', 'execute', 'finalize'].flatMap((phase) => hook(phase).slice(0, 2)),
    );
    expect(told).to.have.length(12);
  });

  it('surround the members of groups, the supervised, and each run of a cron', () => {
    virtually((_, scheduler) => {
      const told: string[] = [];
      const wrapHook: Instrumentation['wrapHook'] = ({ task: name, slot }, phase, hook) => {
        told.push(`${name}${slot === undefined ? '' : ` ${slot}`} ${phase}`);
        hook();
      };
      const app = [
        ordered(
          'app',
          supervise(task('a', () => timer(5))),
          cron(
            task('c', () => 1),
            4,
            { maxRuns: 2 },
          ),
        ),
      ];
      orchestrate(app, { scheduler, instrumentation: [{ wrapHook }] }).subscribe();
      scheduler.flush();
      expect(told.filter((one) => one.includes('a execute') || /\d/.test(one))).to.deep.equal([
        'app/a execute',
        'app/c 0 execute',
        'app/c 4 execute',
      ]);
    });
  });

  it('carry an AsyncLocalStorage into promises, Observables, iterators and futures', async () => {
    const names = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const look = () => seen.push(names.getStore());
    const instrumentation = [
      { wrapHook: (run: { task: string }, _: unknown, hook: () => void) => names.run(run.task, hook) },
    ];
    await launch(
      [
        task('promise', async () => {
          await Promise.resolve();
          look();
        }),
        task('stream', () => defer(() => of(look()))),
        task('iterator', async function* () {
          yield 1;
          await Promise.resolve();
          yield look();
        }),
        task('future', (ctx) => future(async () => Promise.resolve().then(look), ctx)),
      ],
      { instrumentation },
    );
    expect(seen.sort()).to.deep.equal(['future', 'iterator', 'promise', 'stream']);
  });

  it('are told all that happens before the observer', async () => {
    const told: string[] = [];
    await launch([plain], {
      instrumentation: [{ onEvent: ({ type }) => told.push(type) }],
      observer: ({ type }) => told.push(type),
    });
    const types = ['initializing', 'ready', 'finalizing', 'done', 'shutdown'];
    expect(told).to.deep.equal(types.flatMap((type) => [type, type]));
  });

  it('are told an event with the context of its run, by which two tasks of one name are told apart', () => {
    virtually((_, scheduler) => {
      const surrounded: RunContext[] = [];
      const told: (RunContext | undefined)[] = [];
      const app$ = orchestrate([task('x', () => NEVER), task('x', { execute: () => timer(5), finalize: () => 0 })], {
        scheduler,
        instrumentation: [
          {
            wrapHook: (run, phase, hook) => (phase === 'execute' && surrounded.push(run), hook()),
            onEvent: ({ type }, run) => ['finalizing', 'draining', 'shutdown'].includes(type) && told.push(run),
          },
        ],
      });
      const running = app$.subscribe();
      scheduler.flush();
      running.unsubscribe();
      expect(surrounded).to.have.length(2);
      expect(told).to.have.length(1);
      expect(told[0]).to.equal(surrounded[1]);
    });
  });

  it('are told what each run is part of', () => {
    virtually((_, scheduler) => {
      const paths = new Set<string>();
      const wrapHook: Instrumentation['wrapHook'] = (run, _phase, hook) => {
        const path: string[] = [];
        for (let one: RunContext | undefined = run; one; one = one.parent) path.push(`${one.task} ${one.slot ?? '-'}`);
        paths.add(path.join(' < '));
        hook();
      };
      const c = cron(
        task('c', () => 1),
        4,
        { maxRuns: 1 },
      );
      const app = ordered('app', supervise(task('a', () => timer(5))), c);
      orchestrate([app], { scheduler, instrumentation: [{ wrapHook }] }).subscribe();
      scheduler.flush();
      expect([...paths]).to.deep.equal([
        'app -',
        // The supervision is a run of the same name.
        'app/a - < app/a - < app -',
        'app/c - < app -',
        'app/c 0 < app/c - < app -',
      ]);
    });
  });

  it('are told that the run of a slot has failed when the schedule waits for it no longer', () => {
    virtually((_, scheduler) => {
      const told: string[] = [];
      const onRunEnd: Instrumentation['onRunEnd'] = ({ slot }, { status, at, error }) =>
        told.push(`${String(slot)} ${status} ${at} ${String(error?.cause)}`);
      const hung = cron(
        task('hung', () => new Promise(() => undefined)),
        10,
        { timeout: 3, maxRuns: 1 },
      );
      orchestrate([hung], { scheduler, instrumentation: [{ onRunEnd }], onFailure: 'continue' }).subscribe();
      scheduler.flush();
      expect(told[0]).to.equal('0 failed 3 DeadlineError: Not done within 3 ms');
    });
  });

  it('are told once that a run has ended, of a task and of a slot, in virtual time', () => {
    virtually((_, scheduler) => {
      const told: string[] = [];
      const onRunEnd: Instrumentation['onRunEnd'] = ({ task: name, slot }, { status, at, error }) =>
        told.push(
          [name, ...(slot === undefined ? [] : [slot]), status, at, ...(error ? [String(error)] : [])].join(' '),
        );
      const onEvent: Instrumentation['onEvent'] = (one) => one.type === 'done' && told.push(`done ${one.task}`);
      let attempts = 0;
      const broken = task('broken', () => timer(1).pipe(map(() => fail(`no ${++attempts}`))));
      const slow = task('slow', ({ slot }) => (slot === 0 ? timer(2) : NEVER));
      const runs = [
        supervise(broken, { maxRestarts: 1, backoff: { initial: 2, jitter: 0 } }),
        parallel(
          'both',
          cron(slow, 10, { timeout: 3, maxRuns: 2 }),
          task('rest', () => NEVER),
        ),
      ];
      const app$ = orchestrate(runs, { scheduler, instrumentation: [{ onRunEnd, onEvent }], onFailure: 'continue' });
      const running = app$.subscribe();
      scheduler.schedule(() => running.unsubscribe(), 20);
      scheduler.flush();
      expect(told).to.deep.equal([
        'broken failed 1 TaskError: broken failed in execute: no 1',
        'both/slow 0 completed 2',
        'broken failed 4 TaskError: broken failed in execute: no 2',
        'done broken',
        'both/slow 10 failed 13 TaskError: both/slow failed in execute: Not done within 3 ms',
        'both/slow completed 13',
        'done both/slow',
        // Nobody is told of events any longer.
        'both/rest cancelled 20',
        'both cancelled 20',
      ]);
    });
  });

  it('are told of those that a join no longer waits for, once, and of none that had no hook', () => {
    virtually((_, scheduler) => {
      const told: string[] = [];
      const onRunEnd: Instrumentation['onRunEnd'] = ({ task: name, slot = '-' }, { status, at }) =>
        told.push(`${name} ${slot} ${status} ${at}`);
      const onEvent: Instrumentation['onEvent'] = ({ type }) => type === 'shutdown' && told.push(type);
      const stuck = { execute: () => NEVER, grace: 50 };
      const [parent, cancel] = withCancel(background, { scheduler });
      const app = ordered('app', supervise(task('a', stuck)), cron(task('c', stuck), 100), task('d', stuck));
      orchestrate([app], { parent, timeout: 10, instrumentation: [{ onRunEnd, onEvent }] }).subscribe();
      scheduler.schedule(() => cancel(), 5);
      scheduler.flush();
      const lost = ['app/a -', 'app/c 0', 'app/c -', 'app/d -', 'app -'].map((run) => `${run} timed-out 15`);
      expect(told).to.deep.equal([...lost, 'shutdown']);
      told.length = 0;
      orchestrate([task('never', () => 1)], { parent, instrumentation: [{ onRunEnd }] }).subscribe();
      expect(told).to.deep.equal([]);
    });
  });

  it('keep no hook from being called, once, whatever they do around it', async () => {
    const errors = await uncaught(async () => {
      let calls = 0;
      const instrumentation: Instrumentation[] = [
        {
          wrapHook() {
            throw new Error('before');
          },
        },
        {
          wrapHook(_, __, hook) {
            hook();
            hook();
            throw new Error('after');
          },
        },
        { wrapHook: () => undefined },
        {
          onRunEnd() {
            throw new Error('ended');
          },
        },
      ];
      const report = await launch([task('x', () => ++calls)], { instrumentation });
      expect([calls, report.clean]).to.deep.equal([1, true]);
    });
    expect(errors.map(String).sort()).to.deep.equal(['Error: after', 'Error: before', 'Error: ended']);
  });

  it('keep nobody from running when they throw in an event', async () => {
    const boom = new Error('boom');
    const errors = await uncaught(async () => {
      const instrumentation: Instrumentation[] = [
        {
          onEvent() {
            throw boom;
          },
        },
      ];
      const report = await launch([task('x', () => 1)], { instrumentation });
      expect(report.clean).to.equal(true);
    });
    expect(errors).to.deep.equal([boom, boom, boom]);
  });

  it('are refused when they are none', () => {
    const given = (instrumentation: unknown) => () =>
      orchestrate([task('x', () => NEVER)], { instrumentation } as never);
    expect(given({})).to.throw(TypeError, 'Expected `instrumentation` to be an array');
    for (const none of [null, 5])
      expect(given([none])).to.throw(TypeError, 'Expected `instrumentation` to be an array of objects');
    expect(given([{ onEvent: 1 }])).to.throw(
      TypeError,
      'Expected `instrumentation.onEvent` to be a function, got `1` (number)',
    );
    expect(given([{ wrapHook: 'x' }])).to.throw(TypeError, 'Expected `instrumentation.wrapHook` to be a function');
    expect(given([{ onRunEnd: {} }])).to.throw(TypeError, 'Expected `instrumentation.onRunEnd` to be a function');
  });

  it('surround each run of an Observable that is subscribed again', async () => {
    let hooks = 0;
    const app$ = orchestrate([task('x', () => 1)], {
      instrumentation: [{ wrapHook: (_, __, hook) => (hooks++, hook()) }],
    });
    await lastValueFrom(app$);
    await lastValueFrom(app$);
    expect(hooks).to.equal(2);
  });
});

/** What is left uncaught while something goes on. */
async function uncaught(goOn: () => Promise<void>): Promise<unknown[]> {
  const errors: unknown[] = [];
  const before = process.rawListeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => errors.push(error));
  try {
    await goOn();
    await new Promise((resolve) => setTimeout(resolve, 5));
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of before) process.on('uncaughtException', listener as (error: Error) => void);
  }
  return errors;
}

function fail(message: string): never {
  throw new Error(message);
}
