import { expect } from 'chai';
import { NEVER, Observable, of, Subject, Subscription, throwError, UnsubscriptionError } from 'rxjs';
import {
  cron,
  future,
  joinAll,
  launch,
  launchRunner,
  orchestrate,
  ordered,
  parallel,
  supervise,
  task,
  taskRunner,
  withCancel,
  type SimpleTask,
  type TaskRunner,
} from '../../lib/index.js';
import { unhandledDuring } from '../helpers/collect.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { deferred, outcomeOf, settled } from '../helpers/tasks.js';

const boom = new Error('boom');

/** Subscribes to a stream. The teardown throws at its end. */
function subscribeThrowing(source: Observable<unknown>): void {
  new Observable((subscriber) => {
    subscriber.add(() => {
      throw boom;
    });
    source.subscribe(subscriber);
  }).subscribe({ error: () => undefined });
}

/** A runner of another make whose streams throw when they are left. */
class Hostile implements TaskRunner<number> {
  readonly status = 'running';
  private readonly inner = taskRunner(task('hostile', () => NEVER));

  private guarded<T>(source: Observable<T>): Observable<T> {
    return new Observable((subscriber) => {
      subscriber.add(source.subscribe(subscriber));
      return () => {
        throw boom;
      };
    });
  }
  start(ctx?: Parameters<TaskRunner['start']>[0]): Observable<number> {
    return this.guarded(this.inner.start(ctx));
  }
  get done$(): TaskRunner['done$'] {
    return this.guarded(this.inner.done$);
  }
  get ready$(): TaskRunner['ready$'] {
    return this.guarded(this.inner.ready$);
  }
  get results$(): TaskRunner<number>['results$'] {
    return this.guarded(this.inner.results$);
  }
  get events$(): TaskRunner['events$'] {
    return this.guarded(this.inner.events$);
  }
  toString(): string {
    return 'hostile';
  }
}

describe('A subscriber that throws at a value', () => {
  it('is reported, and the run goes on', () => {
    const runner = taskRunner(task('x', () => of(1, 2)));
    const failures: unknown[] = [];
    runner.events$.subscribe((event) => event.type === 'teardown-failed' && failures.push(event.error));
    const values: unknown[] = [];
    runner.results$.subscribe((value) => values.push(value));
    const observer = {
      next: () => {
        throw boom;
      },
      error: () => undefined,
      complete: () => undefined,
    };
    // RxJS wraps other observers, and catches what they throw.
    runner.start().subscribe(Object.assign(new Subscription(), observer));
    expect([failures, values, runner.status]).to.deep.equal([[boom, boom], [1, 2], 'done']);
  });
});

describe('A teardown that throws', () => {
  const consoleErrors = spyOnConsoleError();

  for (const name of ['done$', 'ready$'] as const)
    it(`of a subscriber of ${name} is written, and neither the run nor other subscribers notice`, async () => {
      const errors = await unhandledDuring(async () => {
        const started = deferred<void>();
        const runner = taskRunner(task('x', { initialize: () => started.promise, finalize: () => undefined }));
        const [ctx, cancel] = withCancel();
        runner.start(ctx).subscribe();
        subscribeThrowing(runner[name]);
        let others = 0;
        (runner[name] as Observable<unknown>).subscribe({ complete: () => others++ });
        started.resolve();
        await settled();
        cancel();
        await settled();
        expect([others, outcomeOf(runner)?.status]).to.deep.equal([1, 'cancelled']);
      });
      expect(errors).to.deep.equal([]);
      expect(causes(consoleErrors.all())).to.deep.equal([boom]);
    });

  it('of a subscriber of the values is reported, and the run has its outcome', () => {
    for (const execute of [() => 1, () => throwError(() => new Error('failed'))])
      for (const create of [
        (work: SimpleTask) => taskRunner(work),
        (work: SimpleTask) => supervise(work, { maxRestarts: 0 }),
        (work: SimpleTask) => ordered('g', work),
      ]) {
        const runner = create(task('x', execute));
        const failures: unknown[] = [];
        runner.events$.subscribe((event) => event.type === 'teardown-failed' && failures.push(event.error));
        subscribeThrowing(runner.start());
        expect(causes(failures)).to.deep.equal([boom]);
        expect(runner.status).to.equal('done');
      }
  });

  it('of a subscriber of an application or a join does not keep the tasks from ending', async () => {
    const errors = await unhandledDuring(async () => {
      let finalized = 0;
      const work = () => task('x', { execute: () => 1, finalize: () => finalized++ });
      subscribeThrowing(orchestrate([work(), ordered('g', work(), work())]));
      await settled();
      expect(finalized).to.equal(3);

      const runner = taskRunner(work());
      const [ctx, cancel] = withCancel();
      subscribeThrowing(joinAll(ctx, 1000, [runner]));
      let outcomes = 0;
      joinAll(ctx, 1000, [runner]).subscribe(() => outcomes++);
      runner.start(ctx).subscribe();
      cancel();
      await settled();
      expect([finalized, runner.status, outcomes]).to.deep.equal([4, 'done', 1]);
    });
    expect(causes([...errors, ...consoleErrors.all()])).to.deep.equal([boom, boom]);
  });

  it('of a subscriber of a future is reported, and the others get the value', async () => {
    const errors = await unhandledDuring(async () => {
      const source = new Subject<number>();
      const work = future(() => source);
      const values: number[] = [];
      subscribeThrowing(work);
      work.subscribe((value) => values.push(value));
      source.next(1);
      source.complete();
      await settled();
      expect([values, await work]).to.deep.equal([[1], 1]);
    });
    expect(causes([...errors, ...consoleErrors.all()])).to.deep.equal([boom]);
  });

  it('of a runner of another make keeps no group, application, supervisor or join from ending', async () => {
    const errors = await unhandledDuring(async () => {
      for (const wrap of [
        (runner: TaskRunner) =>
          ordered(
            'g',
            runner,
            task('after', () => NEVER),
          ),
        (runner: TaskRunner) => parallel('g', runner),
        (runner: TaskRunner) => supervise(runner),
        (runner: TaskRunner) => runner,
      ]) {
        const report = await launch([wrap(new Hostile())], { timeout: 5000, observer: () => undefined }).stop();

        expect(report.outcomes.map(({ status }) => status)).to.deep.equal(['cancelled']);
      }
      const [ctx, cancel] = withCancel();
      const runner = new Hostile();
      launchRunner(ctx, cancel, runner);
      const statuses: string[] = [];
      joinAll(ctx, 5000, [runner]).subscribe(({ status }) => statuses.push(status));
      cancel();
      await settled();
      expect(statuses).to.deep.equal(['cancelled']);
    });
    expect(errors).to.deep.equal([]);
  });

  it('of a member that is a custom runner is an event of its group, or written', async () => {
    for (const wrap of [(runner: TaskRunner) => ordered('g', runner), (runner: TaskRunner) => parallel('g', runner)]) {
      const observed = wrap(new Hostile());
      const failures: unknown[] = [];
      observed.events$.subscribe((event) => {
        if (event.type === 'teardown-failed') failures.push([event.task, event.runId, causes([event.error])]);
      });
      const written = consoleErrors.during(() => {
        const [ctx, cancel] = withCancel();
        observed.start(ctx).subscribe();
        cancel();
      });
      await settled();
      expect(failures).to.not.have.lengthOf(0);
      for (const failure of failures) expect(failure).to.deep.equal(['g/hostile', 1, [boom]]);
      expect(written).to.deep.equal([]);

      const unobserved = wrap(new Hostile());
      const [ctx, cancel] = withCancel();
      unobserved.start(ctx).subscribe();
      const texts = consoleErrors.during(() => cancel());
      expect(causes(texts)).to.include(boom);
    }
  });

  it('of a slot’s Observable fails that slot alone', () => {
    const runner = cron(
      task(
        'x',
        () =>
          new Observable<number>((subscriber) => {
            subscriber.complete();
            return () => {
              throw boom;
            };
          }),
      ),
      1000,
    );
    const failed: unknown[] = [];
    runner.events$.subscribe((event) => event.type === 'slot-failed' && failed.push(event.error.cause));
    runner.start().subscribe().unsubscribe();
    expect([failed, outcomeOf(runner)?.status]).to.deep.equal([[boom], 'cancelled']);
  });
});

/** Returns errors as they were thrown: RxJS collects those of teardowns. */
function causes(errors: readonly unknown[]): unknown[] {
  return errors.flatMap((error) => (error instanceof UnsubscriptionError ? (error.errors as unknown[]) : [error]));
}
