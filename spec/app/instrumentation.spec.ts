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
  type AppEvent,
  type Instrumentation,
  type Runnable,
  type RunContext,
} from '../../lib/index.js';
import { unhandledDuring } from '../helpers/collect.js';
import { writtenDuring } from '../helpers/console-spy.js';
import { virtually } from '../helpers/virtual-time.js';

const plain: Runnable = task('plain', { initialize: () => 0, execute: () => 1, finalize: () => 2 });

describe('instrumentation', () => {
  it('wraps each hook, the first outermost', async () => {
    const received: string[] = [];
    const logging = (name: string): Instrumentation => ({
      wrapHook(run, phase, hook) {
        received.push(`${name} ${run.task} ${phase}`);
        hook();
        received.push(`/${name}`);
      },
    });
    await launch([plain], { instrumentation: [logging('a'), {}, logging('b')] });
    const calls = (phase: string) => [`a plain ${phase}`, `b plain ${phase}`, '/b', '/a'];
    // The end of one hook calls the next.
    expect(received.filter((line) => !line.startsWith('/'))).to.deep.equal(
      ['initialize', 'execute', 'finalize'].flatMap((phase) => calls(phase).slice(0, 2)),
    );
    expect(received).to.have.length(12);
  });

  it('wraps the hooks of groups and their members, of supervised tasks, and of each run of a cron', () => {
    virtually((_, scheduler) => {
      const received: string[] = [];
      const wrapHook: Instrumentation['wrapHook'] = ({ task: name, slot }, phase, hook) => {
        received.push(`${name}${slot === undefined ? '' : ` ${slot}`} ${phase}`);
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
      expect(received.filter((line) => /^app |a execute|\d/.test(line))).to.deep.equal([
        'app execute',
        'app/a execute',
        'app/c 0 execute',
        'app/c 4 execute',
      ]);
    });
  });

  it('carries an AsyncLocalStorage into promises, Observables, iterators and futures', async () => {
    const names = new AsyncLocalStorage<string>();
    const stored: (string | undefined)[] = [];
    const readStore = () => stored.push(names.getStore());
    const instrumentation = [
      { wrapHook: (run: { task: string }, _: unknown, hook: () => void) => names.run(run.task, hook) },
    ];
    await launch(
      [
        task('promise', async () => {
          await Promise.resolve();
          readStore();
        }),
        task('stream', () => defer(() => of(readStore()))),
        task('iterator', async function* () {
          yield 1;
          await Promise.resolve();
          yield readStore();
        }),
        task('future', (ctx) => future(async () => Promise.resolve().then(readStore), ctx)),
      ],
      { instrumentation },
    );
    expect(stored.sort()).to.deep.equal(['future', 'iterator', 'promise', 'stream']);
  });

  it('receives each event before the observer does', async () => {
    const received: string[] = [];
    await launch([plain], {
      instrumentation: [{ onEvent: ({ type }) => received.push(type) }],
      observer: ({ type }) => received.push(type),
    });
    const types = ['initializing', 'ready', 'finalizing', 'done', 'shutdown'];
    expect(received).to.deep.equal(types.flatMap((type) => [type, type]));
  });

  it('receives the run context of an event, which tells apart two tasks of the same name', () => {
    virtually((_, scheduler) => {
      const wrapped: RunContext[] = [];
      const received: (RunContext | undefined)[] = [];
      const app$ = orchestrate([task('x', () => NEVER), task('x', { execute: () => timer(5), finalize: () => 0 })], {
        scheduler,
        instrumentation: [
          {
            wrapHook: (run, phase, hook) => (phase === 'execute' && wrapped.push(run), hook()),
            onEvent: ({ type }, run) => ['finalizing', 'draining', 'shutdown'].includes(type) && received.push(run),
          },
        ],
      });
      const running = app$.subscribe();
      scheduler.flush();
      running.unsubscribe();
      expect(wrapped).to.have.length(2);
      expect(received).to.have.length(1);
      expect(received[0]).to.equal(wrapped[1]);
    });
  });

  it('finds the parents of each run in its context', () => {
    virtually((_, scheduler) => {
      const paths = new Set<string>();
      const wrapHook: Instrumentation['wrapHook'] = (run, _phase, hook) => {
        const path: string[] = [];
        for (let current: RunContext | undefined = run; current; current = current.parent)
          path.push(`${current.task} ${current.slot ?? '-'}`);
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
        // The supervisor is a run of the same name.
        'app/a - < app/a - < app -',
        'app/c - < app -',
        'app/c 0 < app/c - < app -',
      ]);
    });
  });

  it('is notified that a cron has abandoned the run of a slot as failed', () => {
    virtually((_, scheduler) => {
      const received: string[] = [];
      const onRunEnd: Instrumentation['onRunEnd'] = ({ slot }, { status, at, error }) =>
        received.push(`${String(slot)} ${status} ${at} ${String(error?.cause)}`);
      const hung = cron(
        task('hung', () => new Promise(() => undefined)),
        10,
        { timeout: 3, maxRuns: 1 },
      );
      orchestrate([hung], { scheduler, instrumentation: [{ onRunEnd }], onFailure: 'continue' }).subscribe();
      scheduler.flush();
      expect(received[0]).to.equal('0 failed 3 DeadlineError: Not done within 3 ms');
    });
  });

  it('is notified once of the end of each run of a task and of a slot, in virtual time', () => {
    virtually((_, scheduler) => {
      const received: string[] = [];
      const onRunEnd: Instrumentation['onRunEnd'] = ({ task: name, slot }, { status, at, error }) =>
        received.push(
          [name, ...(slot === undefined ? [] : [slot]), status, at, ...(error ? [String(error)] : [])].join(' '),
        );
      const onEvent: Instrumentation['onEvent'] = (event) =>
        event.type === 'done' && received.push(`done ${event.task}`);
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
      expect(received).to.deep.equal([
        'broken failed 1 TaskError: broken failed in execute: no 1',
        'both/slow 0 completed 2',
        'broken failed 4 TaskError: broken failed in execute: no 2',
        'done broken',
        'both/slow 10 failed 13 TaskError: both/slow failed in execute: Not done within 3 ms',
        'both/slow completed 13',
        'done both/slow',
        // No events are emitted after the unsubscribe.
        'both/rest cancelled 20',
        'both cancelled 20',
      ]);
    });
  });

  it('is notified once of each run that a join abandons, and of no run without a hook call', () => {
    virtually((_, scheduler) => {
      const received: string[] = [];
      const onRunEnd: Instrumentation['onRunEnd'] = ({ task: name, slot = '-' }, { status, at }) =>
        received.push(`${name} ${slot} ${status} ${at}`);
      const onEvent: Instrumentation['onEvent'] = ({ type }) => type === 'shutdown' && received.push(type);
      const stuck = { execute: () => NEVER, grace: 50 };
      const [parent, cancel] = withCancel(background, { scheduler });
      const app = ordered('app', supervise(task('a', stuck)), cron(task('c', stuck), 100), task('d', stuck));
      orchestrate([app], { parent, timeout: 10, instrumentation: [{ onRunEnd, onEvent }] }).subscribe();
      scheduler.schedule(() => cancel(), 5);
      scheduler.flush();
      const abandoned = ['app/a -', 'app/d -', 'app/c 0', 'app/c -', 'app -'].map((run) => `${run} timed-out 15`);
      expect(received).to.deep.equal([...abandoned, 'shutdown']);
      received.length = 0;
      orchestrate([task('never', () => 1)], { parent, instrumentation: [{ onRunEnd }] }).subscribe();
      expect(received).to.deep.equal([]);
    });
  });

  it('calls each hook once even if wrapHook throws, calls it twice, or does not call it', async () => {
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
    const failures: string[] = [];
    const errors = await unhandledDuring(async () => {
      const report = await launch([task('x', () => ++calls)], { instrumentation, observer: failuresIn(failures) });
      expect([calls, report.clean]).to.deep.equal([1, true]);
    });
    expect(failures.sort()).to.deep.equal(['x: Error: after', 'x: Error: before', 'x: Error: ended']);
    expect(errors).to.deep.equal([]);
  });

  it('emits an error of onEvent as a teardown-failed event, after the event that it was called with', async () => {
    const log: string[] = [];
    const instrumentation: Instrumentation[] = [
      {
        onEvent({ type }) {
          if (type === 'ready' || type === 'done') throw new Error(type);
        },
      },
    ];
    const errors = await unhandledDuring(async () => {
      const report = await launch([task('x', () => 1)], {
        instrumentation,
        observer: (event) =>
          log.push(event.type === 'teardown-failed' ? `${event.task} failed ${String(event.error)}` : event.type),
      });
      expect(report.clean).to.equal(true);
    });
    expect(log).to.deep.equal(['ready', 'x failed Error: ready', 'done', 'x failed Error: done', 'shutdown']);
    expect(errors).to.deep.equal([]);
  });

  it('writes the error of an onEvent that throws for every event, and of events without a run', async () => {
    const boom = new Error('boom');
    const instrumentation: Instrumentation[] = [
      {
        onEvent() {
          throw boom;
        },
      },
    ];
    const failures: string[] = [];
    const written = await writtenDuring(async () => {
      const errors = await unhandledDuring(async () => {
        const report = await launch([task('x', () => 1)], { instrumentation, observer: failuresIn(failures) });
        expect(report.clean).to.equal(true);
      });
      expect(errors).to.deep.equal([]);
    });
    // Those of `ready` and `done` are events. Those of these two events, and of `shutdown`, are written.
    expect(failures).to.deep.equal(['x: Error: boom', 'x: Error: boom']);
    expect(written).to.deep.equal([boom, boom, boom]);
  });

  it('reports an error about the run of a slot with its slot', () => {
    virtually((_, scheduler) => {
      const failures: (number | undefined)[] = [];
      const wrapHook: Instrumentation['wrapHook'] = ({ slot }) => {
        if (slot !== undefined) throw new Error('boom');
      };
      const beat = cron(
        task('beat', () => 1),
        10,
        { maxRuns: 2 },
      );
      orchestrate([beat], { scheduler, instrumentation: [{ wrapHook }] }).subscribe((event) => {
        if (event.type === 'teardown-failed') failures.push(event.slot);
      });
      scheduler.flush();
      expect(failures).to.deep.equal([0, 10]);
    });
  });

  it('is read once: a later change of the array and of its callbacks has no effect', async () => {
    const received: string[] = [];
    class Log implements Instrumentation {
      readonly name: string = 'log';
      onEvent({ type }: AppEvent): void {
        received.push(`${this.name} ${type}`);
      }
    }
    const log = new Log();
    const instrumentation: Instrumentation[] = [log];
    const app$ = orchestrate([task('x', () => 1)], { instrumentation });
    instrumentation.push({ onEvent: () => received.push('added') });
    log.onEvent = () => received.push('changed');
    await lastValueFrom(app$);
    expect(received).to.deep.equal(['log ready', 'log done', 'log shutdown']);
  });

  it('throws for invalid callbacks', () => {
    const orchestrateWith = (instrumentation: unknown) => () =>
      orchestrate([task('x', () => NEVER)], { instrumentation } as never);
    expect(orchestrateWith({})).to.throw(TypeError, 'Expected `instrumentation` to be an array');
    for (const invalid of [null, 5])
      expect(orchestrateWith([invalid])).to.throw(TypeError, 'Expected `instrumentation` to be an array of objects');
    expect(orchestrateWith([{ onEvent: 1 }])).to.throw(
      TypeError,
      'Expected `instrumentation.onEvent` to be a function, got `1` (number)',
    );
    expect(orchestrateWith([{ wrapHook: 'x' }])).to.throw(
      TypeError,
      'Expected `instrumentation.wrapHook` to be a function',
    );
    expect(orchestrateWith([{ onRunEnd: {} }])).to.throw(
      TypeError,
      'Expected `instrumentation.onRunEnd` to be a function',
    );
    expect(orchestrateWith([{ onEvents: () => undefined }])).to.throw(
      TypeError,
      'Expected a member of `instrumentation`, got `onEvents`; did you mean `onEvent`?',
    );
    expect(orchestrateWith([task('y', () => 1)])).to.throw(
      TypeError,
      'Expected `instrumentation` to be an object with `onEvent`, `wrapHook`, `onRunEnd`, got the task `y`',
    );
    for (const valid of [{}, { onEvent: () => undefined, name: 'log' }])
      expect(orchestrateWith([valid])).to.not.throw();
  });

  it('wraps the hooks of each subscription to the application', async () => {
    let hooks = 0;
    const app$ = orchestrate([task('x', () => 1)], {
      instrumentation: [{ wrapHook: (_, __, hook) => (hooks++, hook()) }],
    });
    await lastValueFrom(app$);
    await lastValueFrom(app$);
    expect(hooks).to.equal(2);
  });
});

function fail(message: string): never {
  throw new Error(message);
}

function failuresIn(failures: string[]): (event: AppEvent) => void {
  return (event) => {
    if (event.type === 'teardown-failed') failures.push(`${event.task}: ${String(event.error)}`);
  };
}
