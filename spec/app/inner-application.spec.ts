import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { NEVER, Subject, timer } from 'rxjs';
import {
  AlreadyRunningError,
  future,
  launch,
  orchestrate,
  ordered,
  parallel,
  task,
  taskRunner,
  withCancel,
  type AppEvent,
  type Application,
  type Context,
  type Outcome,
  type ShutdownReport,
} from '../../lib/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { rejectionOf } from '../helpers/rejection.js';
import { failAfter, settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { timedEvent } from './helpers.js';

const silent = { observer: () => undefined };
/** Takes some time to end. */
const slow = (name: string, ms: number) => task(name, { execute: () => NEVER, finalize: () => timer(ms) });

/** Formats the events of tasks, each with its time. */
function recorder(now: () => number): { events: string[]; onEvent: (event: AppEvent) => void } {
  const events: string[] = [];
  return { events, onEvent: (event) => events.push(timedEvent(now(), event)) };
}

describe('An application whose parent is the context of a run', () => {
  const written = spyOnConsoleError();

  for (const [kind, start] of [
    ['launch', (ctx: Context) => void launch([slow('db', 5), slow('http', 1)], { parent: ctx, ...silent })],
    ['orchestrate', (ctx: Context) => void orchestrate([slow('db', 5), slow('http', 1)], { parent: ctx }).subscribe()],
    [
      'launch under a context made from it',
      (ctx: Context) => void launch([slow('db', 5), slow('http', 1)], { parent: withCancel(ctx)[0].signal, ...silent }),
    ],
  ] as const)
    it(`has tasks that are children of that run, which waits for them (${kind})`, () => {
      virtually((_, scheduler) => {
        const { events, onEvent } = recorder(() => scheduler.now());
        const tenant = task('tenant', {
          execute: (ctx) => {
            start(ctx);
            return NEVER;
          },
          finalize: () => undefined,
        });
        const app = launch([tenant], { scheduler, observer: onEvent });
        scheduler.schedule(() => void app.stop(), 10);
        scheduler.flush();
        expect(events).to.include.members(['0 tenant/db ready', '0 tenant/http ready']);
        expect(events.slice(events.indexOf('10 cancelled'))).to.deep.equal([
          '10 cancelled',
          '10 tenant/db cancelling',
          '10 tenant/db finalizing',
          '10 tenant/http cancelling',
          '10 tenant/http finalizing',
          '10 tenant cancelling',
          '11 tenant/http done',
          '15 tenant/db done',
          '15 tenant finalizing',
          '15 tenant done',
          '15 shutdown',
        ]);
      });
    });

  it('has paths below that run, also in groups, and its outcomes are in that of the run', async () => {
    const app = launch([
      parallel(
        'tenants',
        task('acme', (ctx) => {
          void launch([ordered('data', slow('db', 1))], { parent: ctx, ...silent });
          return NEVER;
        }),
      ),
    ]);
    const report = await app.stop();
    const acme = report.outcomes[0]?.members?.[0];
    expect(acme).to.deep.include({ task: 'tenants/acme', children: { started: 1, failed: 0 } });
    const paths = (outcome: Outcome): string[] => [outcome.task, ...(outcome.members ?? []).flatMap(paths)];
    expect(acme && paths(acme)).to.deep.equal(['tenants/acme', 'tenants/acme/data', 'tenants/acme/data/db']);
  });

  it('fails without the run that it was started under, which goes on', async () => {
    const inner: Application[] = [];
    const app = launch(
      [
        task('tenant', (ctx) => {
          inner.push(launch([task('bad', () => failAfter(0))], { parent: ctx, ...silent }));
          return NEVER;
        }),
      ],
      silent,
    );
    const innerReport = await inner[0];
    expect([innerReport?.clean, app.ready]).to.deep.equal([false, true]);
    const report = await app.stop();
    expect(report.outcomes[0]).to.deep.include({ status: 'cancelled', children: { started: 1, failed: 1 } });
    expect(report.clean).to.equal(true);
  });

  it('ends at its own deadline, and the run waits no longer', () => {
    virtually((_, scheduler) => {
      const { events, onEvent } = recorder(() => scheduler.now());
      const tenant = task('tenant', {
        execute: (ctx) => {
          void launch([slow('db', Infinity)], { parent: ctx, timeout: 5, ...silent });
          return NEVER;
        },
        finalize: () => undefined,
      });
      let report: ShutdownReport | undefined;
      const app = launch([tenant], {
        scheduler,
        observer: (event) => {
          onEvent(event);
          if (event.type === 'shutdown') ({ report } = event);
        },
      });
      scheduler.schedule(() => void app.stop(), 10);
      scheduler.flush();
      expect(events.slice(-3)).to.deep.equal(['15 tenant finalizing', '15 tenant done', '15 shutdown']);
      expect(report?.outcomes[0]?.members?.map(({ task: name, status }) => `${name} ${status}`)).to.deep.equal([
        'tenant/db timed-out',
      ]);
    });
  });

  it('is bounded by the deadline of the application around it, which names its tasks', () => {
    virtually((_, scheduler) => {
      let report: ShutdownReport | undefined;
      const tenant = task('tenant', (ctx) => {
        void launch([slow('db', Infinity), slow('cache', 1)], { parent: ctx, timeout: Infinity, ...silent });
        return NEVER;
      });
      const app = launch([tenant], {
        scheduler,
        timeout: 5,
        observer: (event) => {
          if (event.type === 'shutdown') ({ report } = event);
        },
      });
      scheduler.schedule(() => void app.stop(), 10);
      scheduler.flush();
      const [outcome] = report?.outcomes ?? [];
      expect([outcome?.task, outcome?.status]).to.deep.equal(['tenant', 'timed-out']);
      expect(outcome?.members?.map(({ task: name, status }) => `${name} ${status}`)).to.have.members([
        'tenant/cache cancelled',
        'tenant/db timed-out',
      ]);
    });
  });

  it('has the instrumentation of the application around it, and its own', async () => {
    const wrapped: string[] = [];
    const storage = new AsyncLocalStorage<string>();
    const instrument = (name: string) => ({
      wrapHook: (run: { task: string }, _: unknown, hook: () => void) => {
        wrapped.push(`${name} ${run.task}`);
        storage.run(`${storage.getStore() ?? ''}${name} `, hook);
      },
      onRunEnd: (run: { task: string }) => void wrapped.push(`${name} end of ${run.task}`),
    });
    let store: string | undefined;
    const app = launch(
      [
        task('outer', async (ctx) => {
          const child = task('child', () => {
            store = storage.getStore();
          });
          await launch([child], { parent: ctx, instrumentation: [instrument('inner')], ...silent });
        }),
      ],
      { instrumentation: [instrument('outer')], ...silent },
    );
    await app;
    expect(wrapped).to.deep.equal([
      'outer outer',
      'outer outer/child',
      'inner outer/child',
      'outer end of outer/child',
      'inner end of outer/child',
      'outer end of outer',
    ]);
    expect(store).to.equal('outer outer inner ');
  });

  it('has the `startTimeout` of the application around it unless it has its own', async () => {
    for (const own of [{}, { startTimeout: 1000 }]) {
      const app = launch(
        [
          task('outer', async (ctx) => {
            const child = task('child', { initialize: () => timer(20), execute: () => 1 });
            const report = await launch([child], { parent: ctx, ...own, ...silent });
            if (!report.clean) throw new Error('not clean');
          }),
        ],
        { startTimeout: 1, ...silent },
      );
      expect((await app).clean).to.equal('startTimeout' in own);
    }
  });

  it('has the errors of its futures in its own report and in that of the application around it', async () => {
    let inner: ShutdownReport | undefined;
    const boom = new Error('boom');
    const outer = await launch([
      task('tenant', async (ctx) => {
        const child = task('child', async (context) => {
          future(() => Promise.reject(boom), context);
          await settled();
        });
        inner = await launch([child], { parent: ctx });
      }),
    ]);
    expect([inner?.failures, outer.failures, inner?.clean, outer.clean]).to.deep.equal([[boom], [boom], false, false]);
    expect(written.all()).to.deep.equal([boom]);
  });

  it('stops with the run when that ends by itself', async () => {
    const inner: Application[] = [];
    const end = new Subject<void>();
    const app = launch(
      [
        task('tenant', (ctx) => {
          inner.push(launch([slow('db', 1)], { parent: ctx, ...silent }));
          return end;
        }),
      ],
      silent,
    );
    end.complete();
    const report = await app;
    expect(report.outcomes[0]).to.include({ status: 'completed' });
    expect((await inner[0])?.outcomes.map(({ task: name, status }) => `${name} ${status}`)).to.deep.equal([
      'tenant/db cancelled',
    ]);
  });

  it('does not count a task that could not be started among the children of the run', async () => {
    const shared = taskRunner(slow('shared', 1));
    let refused: Promise<unknown> | undefined;
    const app = launch(
      [
        task('tenant', (ctx) => {
          shared.start(ctx).subscribe();
          refused = rejectionOf(launch([shared, slow('db', 1)], { parent: ctx, ...silent }));
          return NEVER;
        }),
      ],
      silent,
    );
    expect(await refused).to.be.instanceOf(AlreadyRunningError);
    const report = await app.stop();
    // The shared task, and `db`, whose application is cancelled already.
    expect(report.outcomes[0]?.children).to.deep.equal({ started: 2, failed: 0 });
  });

  it('adds nothing to the outcome of the run when none of its tasks could be started', async () => {
    const busy = taskRunner(slow('busy', 1));
    const elsewhere = busy.start().subscribe();
    const app = launch(
      [
        task('tenant', (ctx) => {
          launch([busy], { parent: ctx, ...silent }).catch(() => undefined);
          return NEVER;
        }),
      ],
      silent,
    );
    const report = await app.stop();
    elsewhere.unsubscribe();
    expect(report.outcomes[0]).to.not.have.property('children');
  });

  it('is no child when it is started without the context', async () => {
    let inner: Application | undefined;
    const app = launch(
      [
        task('tenant', () => {
          inner = launch([slow('db', 1)], silent);
          return NEVER;
        }),
      ],
      silent,
    );
    const report = await app.stop();
    expect(report.outcomes[0]).to.not.have.property('children');
    expect([inner?.live, (await inner?.stop())?.outcomes[0]?.task]).to.deep.equal([true, 'db']);
  });
});
