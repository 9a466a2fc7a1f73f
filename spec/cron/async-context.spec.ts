import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { NEVER, Observable, of, Subject } from 'rxjs';
import {
  cron,
  task,
  withCancel,
  type CronOptions,
  type PauseState,
  type TriggerRequest,
  type RunContext,
  type Schedule,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { everyTen, overlapPolicies } from '../helpers/start-cron.js';
import { deferred, settled } from '../helpers/tasks.js';

const tenant = new AsyncLocalStorage<string>();
const tenants = ['acme', 'bolt', 'cyan'];

describe('Crons that were started in different AsyncLocalStorage stores', () => {
  spyOnConsoleError();

  it('each run in their own store although they share a timer', async () => {
    const seen = new Map<string, unknown[]>(tenants.map((name) => [name, []]));
    const enough = deferred<void>();
    const [ctx, cancel] = withCancel();
    for (const name of [...tenants, undefined])
      inStore(name, () => {
        const stores = seen.get(name ?? 'none') ?? [];
        seen.set(name ?? 'none', stores);
        const work = task('x', () => {
          stores.push(tenant.getStore());
          if ([...seen.values()].every(({ length }) => length >= 3)) enough.resolve();
        });
        cron(work, 20, { immediate: false }).start(ctx).subscribe();
      });
    await enough.promise;
    cancel();
    for (const [name, stores] of seen)
      expect(new Set(stores)).to.deep.equal(new Set([name === 'none' ? undefined : name]));
  });

  it('run each slot in their own store after one has entered another', () => {
    const { seen, clock, cancel } = startInStores(() => tenant.enterWith('entered'), everyTen, {});
    clock.advance(35);
    cancel();
    for (const [name, stores] of seen) expect(stores).to.deep.equal([name, name, name]);
  });

  for (const overlap of overlapPolicies)
    it(`each run in their own store with overlap '${overlap}'`, async () => {
      const works: ReturnType<typeof deferred<void>>[] = [];
      const { seen, clock, cancel } = startInStores(
        () => {
          const work = deferred<void>();
          works.push(work);
          return work.promise;
        },
        everyTen,
        { overlap },
      );
      clock.advance(25);
      // The end of a run may start the next, which is then in the array, too.
      for (const work of works) {
        tenant.run('foreign', () => work.resolve());
        await settled();
      }
      clock.advance(10);
      expectOwnStores(seen);
      tenant.run('foreign', cancel);
    });

  it('each run their missed slots in their own store', async () => {
    for (const missed of ['runOnce', 'runAll'] as const) {
      const { seen, clock, cancel } = startInStores(() => Promise.resolve(), everyTen, { missed, lastRun: -35 });
      for (let i = 0; i < 5; i++) await settled();
      expectOwnStores(seen);
      clock.advanceSilently(50);
      tenant.run('foreign', () => clock.advance(1));
      for (let i = 0; i < 9; i++) await settled();
      expectOwnStores(seen);
      tenant.run('foreign', cancel);
    }
  });

  it('each run in their own store when a lease is answered from another', () => {
    const answers: Subject<boolean>[] = [];
    const released: unknown[] = [];
    const coordinator = {
      lease: () =>
        new Observable<boolean>((subscriber) => {
          const answer = new Subject<boolean>();
          answers.push(answer);
          subscriber.add(answer.subscribe(subscriber));
          subscriber.add(() => released.push(tenant.getStore()));
        }),
    };
    const { seen, clock, cancel } = startInStores(() => NEVER, everyTen, { coordinator, overlap: 'bufferOne' });
    clock.advance(20);
    expect(answers).to.have.length(3);
    tenant.run('foreign', () => answers.slice(0, 3).forEach((answer) => answer.next(true)));
    expectOwnStores(seen);
    // The revocation ends each run, and the slot that has waited requests its own lease.
    tenant.run('foreign', () => answers.slice(0, 3).forEach((answer) => answer.next(false)));
    expect(released).to.deep.equal(tenants);
    tenant.run('foreign', () => answers.slice(3).forEach((answer) => answer.next(true)));
    expectOwnStores(seen, 2);
    tenant.run('foreign', cancel);
    expect(released).to.deep.equal([...tenants, ...tenants]);
  });

  it('each run a slot that is due in their own store when a call from another store flushes it', () => {
    for (const call of ['pause', 'reschedule'] as const) {
      const seen: unknown[] = [];
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      const runner = cron(
        task('x', () => void seen.push(tenant.getStore())),
        everyTen,
      );
      tenant.run('acme', () => runner.start(ctx).subscribe());
      clock.advanceSilently(10);
      tenant.run('foreign', () => (call === 'pause' ? runner.pause() : runner.reschedule(everyTen)));
      expect(seen, call).to.deep.equal(['acme']);
      cancel();
    }
  });

  it('each follow the pause of their coordinator in their own store', () => {
    const stores: unknown[] = [];
    const pause$ = new Subject<PauseState>();
    const watchPause = () =>
      new Observable<PauseState>((subscriber) => {
        stores.push(tenant.getStore());
        pause$.subscribe(subscriber);
        return () => stores.push(tenant.getStore());
      });
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const runner = cron(
      task('x', () => void stores.push(tenant.getStore())),
      everyTen,
      { coordinator: { lease: () => of(true), watchPause } },
    );
    tenant.run('acme', () => runner.start(ctx).subscribe());
    clock.advanceSilently(10);
    tenant.run('foreign', () => pause$.next({ paused: true }));
    tenant.run('foreign', cancel);
    expect([stores, runner.paused]).to.deep.equal([['acme', 'acme', 'acme'], false]);
  });

  it('each run what their coordinator triggers in their own store', () => {
    const stores: unknown[] = [];
    const trigger$ = new Subject<TriggerRequest>();
    const runner = cron(
      task('x', () => void stores.push(tenant.getStore())),
      everyTen,
      { coordinator: { lease: () => of(true), watchTriggers: () => trigger$ } },
    );
    const [ctx, cancel] = withCancel(undefined, { scheduler: virtualClock() });
    tenant.run('acme', () => runner.start(ctx).subscribe());
    tenant.run('foreign', () => trigger$.next({ onOutcome: () => undefined }));
    cancel();
    expect(stores).to.deep.equal(['acme']);
  });

  it('each ask their schedule, random and coordinator in their own store', () => {
    const stores: unknown[] = [];
    const readStore = () => stores.push(tenant.getStore());
    const schedule: Schedule = { next: (after) => (readStore(), everyTen.next(after)) };
    const [ctx, cancel] = withCancel(undefined, { scheduler: virtualClock() });
    const clock = ctx.scheduler as ReturnType<typeof virtualClock>;
    tenant.run('acme', () =>
      cron(
        task('x', () => 1),
        schedule,
        { jitter: 2, random: () => (readStore(), 0.5), coordinator: { lease: () => (readStore(), NEVER) } },
      )
        .start(ctx)
        .subscribe(),
    );
    tenant.run('foreign', () => clock.advance(50));
    cancel();
    expect(stores.length).to.be.greaterThan(10);
    expect(new Set(stores)).to.deep.equal(new Set(['acme']));
  });

  it('each finalize and emit in their own store', async () => {
    const seen: unknown[][] = [];
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    for (const name of tenants)
      tenant.run(name, () => {
        const log: unknown[] = [];
        seen.push(log);
        const work = task('x', { execute: () => 1, finalize: () => log.push(['finalize', tenant.getStore()]) });
        const runner = cron(work, 10, { immediate: false });
        runner.events$.subscribe(({ type }) => log.push([type, tenant.getStore()]));
        runner.start(ctx).subscribe({
          next: () => log.push(['value', tenant.getStore()]),
          complete: () => log.push(['complete', tenant.getStore()]),
        });
      });
    tenant.run('foreign', () => {
      clock.advance(15);
      cancel();
    });
    await settled();
    expect(seen).to.deep.equal(
      tenants.map((name) =>
        [
          'initializing',
          'ready',
          'slot-started',
          'value',
          'cancelling',
          'finalizing',
          'finalize',
          'done',
          'complete',
        ].map((what) => [what, name]),
      ),
    );
  });
});

/** Starts a cron for each tenant on one virtual clock, which always moves in a foreign store. */
function startInStores(execute: (ctx: RunContext) => unknown, schedule: Schedule, options: CronOptions) {
  const seen = new Map<string, unknown[]>();
  const virtual = virtualClock();
  const [ctx, cancel] = withCancel(undefined, { scheduler: virtual });
  for (const name of tenants)
    tenant.run(name, () => {
      const stores: unknown[] = [];
      seen.set(name, stores);
      const work = task('x', (run) => {
        stores.push(tenant.getStore());
        return execute(run);
      });
      cron(work, schedule, options).start(ctx).subscribe();
    });
  const clock = {
    advance: (ms: number) => tenant.run('foreign', () => virtual.advance(ms)),
    advanceSilently: (ms: number) => virtual.advanceSilently(ms),
  };
  return { seen, clock, cancel };
}

function expectOwnStores(seen: ReadonlyMap<string, readonly unknown[]>, atLeast = 1): void {
  for (const [name, stores] of seen) {
    expect(stores.length, name).to.be.at.least(atLeast);
    expect(new Set(stores)).to.deep.equal(new Set([name]));
  }
}

function inStore(name: string | undefined, work: () => void): void {
  if (name === undefined) tenant.exit(work);
  else tenant.run(name, work);
}
