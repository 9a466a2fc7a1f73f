import { expect } from 'chai';
import { concatMap, EMPTY, finalize, from, mergeMap, NEVER, of, Subject, switchMap, throwError, timer } from 'rxjs';
import {
  background,
  critical,
  cron,
  future,
  joinAll,
  launch,
  ordered,
  orchestrate,
  supervise,
  task,
  taskRunner,
  withCancel,
  withTimeout,
  AlreadyRunningError,
  type Context,
  type RunContext,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { collect, listenerCount, unhandledDuring } from '../helpers/collect.js';
import { deferred, eventTypes, failing, forever, outcomeOf, settled, slow, throwing } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

/** Creates a parent that logs its finalize and its end, and calls a function with its context. */
function parentOf(start: (ctx: RunContext) => unknown, log: string[] = []): TaskRunner {
  const runner = taskRunner(
    task('parent', {
      execute: (ctx) => {
        start(ctx);
        return NEVER;
      },
      finalize: () => void log.push('parent finalizes'),
    }),
  );
  runner.done$.subscribe(() => log.push('parent ends'));
  return runner;
}

/** Creates a child that takes some time to finalize, and logs when it ends. */
function childOf(name: string, ms: number, log: string[] = []): TaskRunner {
  const runner = slow(name, ms);
  runner.done$.subscribe(() => log.push(`${name} ends`));
  return runner;
}

describe('A run with children', () => {
  it('finalizes when its children have ended, and is running until then', () => {
    virtually((_, scheduler) => {
      const log: string[] = [];
      const parent = parentOf((ctx) => {
        childOf('a', 3, log).start(ctx).subscribe();
        childOf('b', 5, log).start(ctx).subscribe();
      }, log);
      const [ctx, cancel] = withCancel();
      const types = eventTypes(parent);
      parent.start(ctx).subscribe();
      scheduler.schedule(() => cancel(), 10);
      scheduler.schedule(() => expect([parent.status, log]).to.deep.equal(['running', ['a ends']]), 14);
      scheduler.flush();
      expect(log).to.deep.equal(['a ends', 'b ends', 'parent finalizes', 'parent ends']);
      expect(outcomeOf(parent)).to.include({ status: 'cancelled', endedAt: 15 });
      expect(types.at(-1)).to.equal('done');
    });
  });

  it('cancels them when its own execute has ended by itself, and has completed', () => {
    virtually((_, scheduler) => {
      const child = slow('child', 3);
      const parent = taskRunner(
        task('parent', (ctx) => {
          child.start(ctx).subscribe();
          return timer(2);
        }),
      );
      parent.start().subscribe();
      scheduler.flush();
      expect(outcomeOf(child)).to.include({ status: 'cancelled', stoppingAt: 2, endedAt: 5 });
      expect(outcomeOf(parent)).to.include({ status: 'completed', endedAt: 5 });
    });
  });

  it('cancels them with its error when it fails, and reports the failure at once', () => {
    virtually((_, scheduler) => {
      const causes: unknown[] = [];
      const child = taskRunner(
        task('child', {
          execute: (ctx) => {
            ctx.cancelled$.subscribe((cause) => causes.push(cause));
            return NEVER;
          },
          finalize: () => timer(3),
        }),
      );
      const parent = taskRunner(
        task('parent', (ctx) => {
          child.start(ctx).subscribe();
          return timer(2).pipe(mergeMap(throwing()));
        }),
      );
      const times: unknown[] = [];
      parent.events$.subscribe(({ type, task: path, at }) => {
        if (path === 'parent') times.push([type, at]);
      });
      collect(parent.start());
      scheduler.flush();
      expect(times).to.deep.equal([
        ['ready', 0],
        ['failed', 2],
        ['done', 5],
      ]);
      expect(causes).to.deep.equal([outcomeOf(parent)?.error]);
    });
  });

  it('waits for children that its initialize has started, also when that fails', () => {
    virtually((_, scheduler) => {
      const log: string[] = [];
      const child = childOf('child', 3, log);
      const parent = taskRunner(
        task('parent', {
          initialize: (ctx) => {
            child.start(ctx).subscribe();
            return throwError(() => new Error('no'));
          },
          execute: () => NEVER,
          finalize: () => void log.push('finalize'),
        }),
      );
      collect(parent.start());
      scheduler.flush();
      expect(log).to.deep.equal(['child ends', 'finalize']);
      expect(outcomeOf(parent)).to.include({ status: 'failed', endedAt: 3 });
    });
  });

  const contexts: readonly [string, (ctx: Context) => Context | AbortSignal][] = [
    ['its context', (ctx) => ctx],
    ['its signal', (ctx) => ctx.signal],
    ['a context made from it', (ctx) => withCancel(ctx)[0]],
    ['a context made from its signal', (ctx) => withCancel(ctx.signal)[0]],
    ['a signal of a context made from one that was made from it', (ctx) => withCancel(withCancel(ctx)[0])[0].signal],
    ['a context with a timeout', (ctx) => withTimeout(1000, ctx)[0]],
  ];
  for (const [title, contextFrom] of contexts)
    it(`waits for what is started under ${title}, which has the path of a child`, () => {
      const clock = virtualClock();
      const child = taskRunner(task('child', { execute: () => NEVER, finalize: () => timer(3, clock) }));
      const parent = parentOf((run) => child.start(contextFrom(run)).subscribe());
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      parent.start(ctx).subscribe();
      cancel();
      expect([parent.status, child.status]).to.deep.equal(['running', 'finalizing']);
      clock.advance(3);
      expect(outcomeOf(parent)).to.include({ status: 'cancelled', endedAt: 3 });
      expect(outcomeOf(child)?.task).to.equal('parent/child');
      expect(outcomeOf(parent)?.children).to.deep.equal({ started: 1, failed: 0 });
    });

  it('has children under a context whose cancel ends them alone', () => {
    const child = forever('child');
    let stopChild = (): void => undefined;
    const parent = parentOf((ctx) => {
      const [inner, cancel] = withCancel(ctx);
      stopChild = cancel;
      child.start(inner).subscribe();
    });
    parent.start().subscribe();
    stopChild();
    expect([outcomeOf(child)?.status, parent.status]).to.deep.equal(['cancelled', 'running']);
  });

  it('waits for grandchildren: each finalizes when those below it have ended', () => {
    virtually((_, scheduler) => {
      const log: string[] = [];
      const nest = (name: string, below?: TaskRunner) =>
        taskRunner(
          task(name, {
            execute: (ctx) => {
              below?.start(ctx).subscribe();
              return NEVER;
            },
            finalize: () => {
              log.push(name);
              return timer(1);
            },
          }),
        );
      const [ctx, cancel] = withCancel();
      const c = nest('c');
      const a = nest('a', nest('b', c));
      a.start(ctx).subscribe();
      cancel();
      scheduler.flush();
      expect(log).to.deep.equal(['c', 'b', 'a']);
      expect([outcomeOf(c)?.task, outcomeOf(a)?.endedAt]).to.deep.equal(['a/b/c', 3]);
    });
  });

  it('waits for the children of an operator: all of mergeMap, and with switchMap those that finalize', () => {
    virtually(({ cold }, scheduler) => {
      const requests = () => cold('-1-2-3');
      const jobs = new Map<string, TaskRunner>();
      const job = (name: string) => {
        const runner = slow(name, 4);
        jobs.set(name, runner);
        return runner;
      };
      const start = (name: string, ctx: Context) => job(name).start(ctx);
      for (const [flatten, ends] of [
        [(ctx: Context) => mergeMap((name: string) => start(name, ctx)), [14, 14, 14]],
        [(ctx: Context) => switchMap((name: string) => start(name, ctx)), [7, 9, 14]],
      ] as const) {
        jobs.clear();
        const begin = scheduler.now();
        const [ctx, cancel] = withCancel();
        const parent = taskRunner(task('parent', (run) => requests().pipe(flatten(run))));
        parent.start(ctx).subscribe();
        scheduler.schedule(() => cancel(), 10);
        scheduler.flush();
        expect([...jobs.values()].map((runner) => (outcomeOf(runner)?.endedAt ?? NaN) - begin)).to.deep.equal(ends);
        expect(outcomeOf(parent)?.endedAt).to.equal(begin + 14);
      }
    });
  });

  it('ends as it would without them, whatever they do', () => {
    for (const [execute, status] of [
      [() => EMPTY, 'completed'],
      [throwing(), 'failed'],
    ] as const) {
      const parent = taskRunner(
        task('parent', (ctx) => {
          collect(failing('child').start(ctx));
          return execute();
        }),
      );
      collect(parent.start());
      expect(outcomeOf(parent)?.status).to.equal(status);
    }
  });

  it('does not fail with a child, whose error is for its own subscriber', () => {
    let received: unknown[] = [];
    const child = failing('child');
    const parent = parentOf((ctx) => (received = collect(child.start(ctx))));
    parent.start().subscribe();
    expect(parent.status).to.equal('running');
    expect(received).to.deep.equal([outcomeOf(child)?.error]);
  });

  it('leaves an error that no subscriber handles to RxJS', async () => {
    const child = failing('child');
    const parent = parentOf((ctx) => child.start(ctx).subscribe());
    const errors = await unhandledDuring(() => parent.start().subscribe());
    expect(errors).to.deep.equal([outcomeOf(child)?.error]);
    expect(parent.status).to.equal('running');
  });

  it('is ready without waiting for the readiness of its children', () => {
    const child = taskRunner(task('child', { initialize: () => NEVER, execute: () => NEVER }));
    const parent = parentOf((ctx) => child.start(ctx).subscribe());
    parent.start().subscribe();
    expect(collect(parent.ready$)).to.deep.equal([undefined, 'complete']);
  });

  it('waits for a group as a child, whose members are below it', () => {
    virtually((_, scheduler) => {
      const log: string[] = [];
      const group = ordered('group', childOf('a', 1, log), childOf('b', 2, log));
      const [ctx, cancel] = withCancel();
      const parent = parentOf((run) => group.start(run).subscribe(), log);
      parent.start(ctx).subscribe();
      cancel();
      scheduler.flush();
      expect(log).to.deep.equal(['b ends', 'a ends', 'parent finalizes', 'parent ends']);
      expect(outcomeOf(group)?.members?.map(({ task: path }) => path)).to.deep.equal([
        'parent/group/a',
        'parent/group/b',
      ]);
    });
  });

  it('waits for a supervised child, which it does not restart after the cancel', () => {
    virtually((_, scheduler) => {
      let starts = 0;
      const worker = task('worker', {
        execute: () => (starts++ === 0 ? throwError(() => new Error('once')) : NEVER),
        finalize: () => timer(2),
      });
      const supervised = supervise(worker, { backoff: { initial: 4, jitter: 0 } });
      const [ctx, cancel] = withCancel();
      const parent = parentOf((run) => supervised.start(run).subscribe());
      const restarts: string[] = [];
      parent.events$.subscribe(({ type, task: path }) => type === 'restarting' && restarts.push(path));
      parent.start(ctx).subscribe();
      scheduler.schedule(() => cancel(), 10);
      scheduler.flush();
      expect([starts, restarts]).to.deep.equal([2, ['parent/worker']]);
      expect(outcomeOf(parent)).to.include({ status: 'cancelled', endedAt: 12 });
      expect(outcomeOf(parent)?.children).to.deep.equal({ started: 1, failed: 0 });
    });
  });

  it('lets a critical child cancel the application only through the `cancel` that it was started with', () => {
    for (const passesCancel of [true, false]) {
      const [ctx, cancel] = withCancel();
      const child = critical(failing('child'));
      const parent = taskRunner(
        task('parent', (run, cancelApp) => {
          collect(child.start(run, passesCancel ? cancelApp : undefined));
          return NEVER;
        }),
      );
      parent.start(ctx, cancel).subscribe();
      expect([ctx.cancelled, parent.status === 'done']).to.deep.equal([passesCancel, passesCancel]);
    }
  });

  it('waits for an application that has its context as parent, whose tasks are its children', async () => {
    type Start = (db: TaskRunner, parent: Context) => void;
    const starts: readonly Start[] = [
      (db, parent) => void launch([db], { parent, observer: () => undefined }),
      (db, parent) => void orchestrate([db], { parent }).subscribe(),
    ];
    for (const start of starts) {
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      const db = taskRunner(task('db', { execute: () => NEVER, finalize: () => timer(3, clock) }));
      const parent = parentOf((run) => start(db, run));
      parent.start(ctx).subscribe();
      cancel();
      expect([parent.status, db.status]).to.deep.equal(['running', 'finalizing']);
      clock.advance(3);
      await settled();
      expect(outcomeOf(db)?.task).to.equal('parent/db');
      expect(outcomeOf(parent)?.children).to.deep.equal({ started: 1, failed: 0 });
    }
  });

  it('does not wait for a child that an inner join has reported as timed-out', () => {
    virtually((_, scheduler) => {
      const stuck = taskRunner(task('stuck', { execute: () => NEVER, finalize: () => NEVER }));
      const [ctx, cancel] = withCancel();
      const statuses: string[] = [];
      const parent = parentOf((run) => {
        stuck.start(run).subscribe();
        joinAll(run, 4, [stuck]).subscribe(({ status }) => statuses.push(status));
      });
      parent.start(ctx).subscribe();
      scheduler.schedule(() => cancel(), 2);
      scheduler.flush();
      expect(statuses).to.deep.equal(['timed-out']);
      expect(outcomeOf(parent)).to.include({ status: 'cancelled', endedAt: 6 });
      expect(outcomeOf(parent)?.members?.map(({ task: path, status }) => [path, status])).to.deep.equal([
        ['parent/stuck', 'timed-out'],
      ]);
    });
  });

  it('times out at the deadline of the application, which names the child that hangs', () => {
    virtually((_, scheduler) => {
      const stuck = taskRunner(task('stuck', { execute: () => NEVER, finalize: () => NEVER }));
      const parent = parentOf((run) => stuck.start(run).subscribe());
      const [ctx, cancel] = withCancel();
      let report = '';
      orchestrate([parent], { parent: ctx, timeout: 5 }).subscribe((event) => {
        if (event.type !== 'shutdown') return;
        report = String(event.report);
        const [outcome] = event.report.outcomes;
        expect(outcome).to.include({ task: 'parent', status: 'timed-out' }).and.not.to.have.property('phase');
        const [member] = outcome?.members ?? [];
        expect(member).to.include({ task: 'parent/stuck', status: 'timed-out', phase: 'finalize' });
      });
      cancel();
      scheduler.flush();
      expect(report).to.include('parent/stuck');
    });
  });

  it('waits for the children of each slot of a cron, which are below the cron', () => {
    virtually((_, scheduler) => {
      const ticker = cron(
        task('cron', (ctx) => {
          slow('child', 3).start(ctx).subscribe();
          return timer(1);
        }),
        10,
        { maxRuns: 2 },
      );
      const started: unknown[] = [];
      ticker.events$.subscribe(({ type, task: path, runId }) => {
        if (path === 'cron/child' && type === 'ready') started.push(runId);
      });
      ticker.start().subscribe();
      scheduler.flush();
      expect(started).to.deep.equal([1, 2]);
      expect(outcomeOf(ticker)).to.include({ status: 'completed', endedAt: 14 });
      expect(outcomeOf(ticker)?.children).to.deep.equal({ started: 2, failed: 0 });
    });
  });

  it('skips the slots of a cron whose last slot has children that still run', () => {
    virtually((_, scheduler) => {
      const ticker = cron(
        task('cron', (ctx) => {
          slow('child', 15).start(ctx).subscribe();
          return EMPTY;
        }),
        10,
      );
      const types = eventTypes(ticker);
      const [ctx, cancel] = withCancel();
      ticker.start(ctx).subscribe();
      scheduler.schedule(() => cancel(), 12);
      scheduler.flush();
      expect(types.filter((type) => type === 'skipped')).to.have.length(1);
      expect(outcomeOf(ticker)?.endedAt).to.equal(15);
    });
  });
});

describe('What is no child of a run', () => {
  it('is a runner under a combined signal, under the background, or under a context that is cancelled', () => {
    const [cancelled, cancelIt] = withCancel();
    for (const contextFrom of [
      (ctx: Context) => AbortSignal.any([ctx.signal]),
      () => background,
      (ctx: Context) => {
        const [inner, cancel] = withCancel(ctx);
        cancel();
        return inner;
      },
      () => cancelled,
    ]) {
      const other = slow('other', 1000);
      const parent = parentOf((run) => other.start(contextFrom(run)).subscribe());
      const [ctx, cancel] = withCancel();
      parent.start(ctx).subscribe();
      cancel();
      cancelIt();
      expect(parent.status).to.equal('done');
      expect(outcomeOf(parent)).to.not.have.property('children');
    }
  });

  it('is a runner that was started in finalize', () => {
    const other = forever('other');
    let context: RunContext | undefined;
    const parent = taskRunner(
      task('parent', {
        execute: (ctx) => {
          context = ctx;
          return EMPTY;
        },
        finalize: () => void other.start(context).subscribe(),
      }),
    );
    parent.start().subscribe();
    expect([parent.status, outcomeOf(other)?.status, outcomeOf(other)?.task]).to.deep.equal([
      'done',
      'cancelled',
      'other',
    ]);
  });

  it('is a future, which is cancelled and not waited for', async () => {
    const work = deferred<number>();
    const causes: unknown[] = [];
    const parent = parentOf((ctx) => {
      const value = future((inner) => {
        inner.cancelled$.subscribe((cause) => causes.push(cause));
        return work.promise;
      }, ctx);
      value.subscribe({ error: () => undefined });
    });
    const stop = new Error('stop');
    const [ctx, cancel] = withCancel();
    parent.start(ctx).subscribe();
    cancel(stop);
    expect([parent.status, causes]).to.deep.equal(['done', [stop]]);
    work.resolve(1);
    await settled();
  });

  it('is a runner that runs already: its start errors, and nothing waits', () => {
    const busy = forever('busy');
    busy.start().subscribe();
    let received: unknown[] = [];
    const parent = parentOf((ctx) => (received = collect(busy.start(ctx))));
    const [ctx, cancel] = withCancel();
    parent.start(ctx).subscribe();
    expect(received[0]).to.be.instanceOf(AlreadyRunningError);
    cancel();
    expect([parent.status, busy.status]).to.deep.equal(['done', 'running']);
    expect(outcomeOf(parent)).to.not.have.property('children');
  });

  it('is the runner itself, directly and through its child', () => {
    const self: TaskRunner = taskRunner(task('self', (ctx) => self.start(ctx)));
    collect(self.start());
    expect(outcomeOf(self)?.error?.cause).to.be.instanceOf(AlreadyRunningError);

    const child = taskRunner(task('child', (ctx) => parent.start(ctx)));
    const parent: TaskRunner = taskRunner(task('parent', (ctx) => child.start(ctx)));
    collect(parent.start());
    expect(outcomeOf(child)?.error?.cause).to.be.instanceOf(AlreadyRunningError);
    expect(outcomeOf(parent)?.error).to.include({ task: 'parent', cause: outcomeOf(child)?.error });
  });
});

describe('Starting the next run when the last has fully ended', () => {
  /** A tenant whose connection takes 3 ms to close, and who must not be opened twice. */
  const open = (name: string, log: string[]) =>
    taskRunner(
      task(name, {
        initialize: () => void log.push(`${name} opens`),
        execute: () => NEVER,
        finalize: () => timer(3).pipe(finalize(() => log.push(`${name} closed`))),
      }),
    );

  it('is concatMap, where each value cancels the context of the last run', () => {
    virtually(({ cold }, scheduler) => {
      const log: string[] = [];
      const tenants = cold('-a---b--c');
      const follow = taskRunner(
        task('follow', (ctx) => {
          let closeLast = (): void => undefined;
          return tenants.pipe(
            mergeMap((name) => {
              closeLast();
              const [tenant, close] = withCancel(ctx);
              closeLast = close;
              return of({ name, tenant });
            }),
            concatMap(({ name, tenant }) => open(name, log).start(tenant)),
          );
        }),
      );
      const [ctx, cancel] = withCancel();
      follow.start(ctx).subscribe();
      scheduler.schedule(() => cancel(), 20);
      scheduler.flush();
      // `b` was replaced before it was opened: its context was cancelled, so none of its hooks is called.
      expect(log).to.deep.equal(['a opens', 'a closed', 'c opens', 'c closed']);
      expect(outcomeOf(follow)?.endedAt).to.equal(23);
    });
  });
});

describe('A run with very many children', () => {
  it('forgets those that have ended', () => {
    const ended = new Subject<number>();
    const source = new Subject<number>();
    let context: RunContext | undefined;
    const parent = taskRunner(
      task('parent', (ctx) => {
        context = ctx;
        return source.pipe(
          mergeMap((n) => taskRunner(task(n % 2 ? 'odd' : 'even', () => (n < 2 ? ended : of(n)))).start(ctx)),
        );
      }),
    );
    let values = 0;
    const [ctx, cancel] = withCancel();
    parent.start(ctx).subscribe(() => values++);
    source.next(0);
    const before = listenerCount(context as Context);
    from(Array.from({ length: 5000 }, (_, n) => n + 2)).subscribe((n) => source.next(n));
    expect([values, listenerCount(context as Context)]).to.deep.equal([5000, before]);
    cancel();
    expect(outcomeOf(parent)?.children).to.deep.equal({ started: 5001, failed: 0 });
    expect(outcomeOf(parent)?.members?.map(({ task: path }) => path)).to.deep.equal(['parent/even']);
  });
});
