import { expect } from 'chai';
import { NEVER, Observable, timer, type Subscriber } from 'rxjs';
import {
  launch,
  optional,
  orchestrate,
  ordered,
  parallel,
  supervise,
  task,
  TaskError,
  withCancel,
  type Outcome,
  type TaskEvent,
  type TaskEventDetail,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { ManualRunner } from '../helpers/custom-runners.js';
import { events, forever, outcomeOf, throwing } from '../helpers/tasks.js';
import { startQuietly, summaryOf } from '../group/helpers.js';
import { startRunner } from '../supervision/helpers.js';

const boom = new Error('boom');

/** Creates an event of a custom runner, or of a part of it. */
function eventOf(detail: TaskEventDetail, task = 'custom', runId = 1): TaskEvent {
  return { ...detail, task, runId, at: 1 };
}

/** Creates a custom runner whose values throw when they are unsubscribed. */
function hostileRunner(): ManualRunner {
  const custom = new ManualRunner();
  custom.start = () => new Observable(() => throwing(boom));
  return custom;
}

/** The subscriber of a run, as a run of another copy of this package sees it. */
type RunObserver = Subscriber<string> & { onFailure(error: unknown): void };

/** Creates a custom runner that keeps the observer of its values. */
function observedRunner(): ManualRunner & { readonly observer: RunObserver } {
  const custom = Object.assign(new ManualRunner(), { observer: undefined as unknown as RunObserver });
  custom.start = () => new Observable((subscriber) => void (custom.observer = subscriber as RunObserver));
  return custom;
}

describe('A custom runner that is part of another', () => {
  const written = spyOnConsoleError();

  it('has the status that its own events tell, and no others', () => {
    const custom = new ManualRunner();
    const runner = optional(custom);
    startQuietly(runner);
    const failed: TaskEventDetail = { type: 'failed', phase: 'execute', error: new TaskError('x', 'execute', boom) };
    const steps: [TaskEvent, string][] = [
      [eventOf({ type: 'ready' }, 'custom/a'), 'initializing'],
      [eventOf({ type: 'ready' }), 'running'],
      [eventOf({ type: 'initializing' }), 'initializing'],
      [eventOf(failed), 'initializing'],
      [eventOf({ type: 'finalizing' }, 'custom/a'), 'initializing'],
      [eventOf({ type: 'finalizing' }), 'finalizing'],
      [eventOf({ type: 'ready' }, 'other'), 'finalizing'],
    ];
    for (const [event, status] of steps) {
      custom.events$.next(event);
      expect(runner.status, `${event.task} ${event.type}`).to.equal(status);
    }
  });

  it('gives its events, and their outcomes, the paths that they have below its owner', () => {
    const custom = new ManualRunner();
    const outer = ordered('outer', ordered('app', custom));
    const emitted = events(outer);
    startQuietly(outer);
    emitted.length = 0;
    const ended = { runner: custom, status: 'completed' } as const;
    const outcome: Outcome = { ...ended, task: 'custom', members: [{ ...ended, task: 'custom/a' }] };
    custom.events$.next(eventOf({ type: 'ready' }, 'custom/a/b', 4));
    custom.events$.next(eventOf({ type: 'ready' }, 'customary'));
    custom.events$.next(eventOf({ type: 'done', outcome }));
    const own = {
      ...ended,
      task: 'outer/app/custom',
      members: [{ ...ended, task: 'outer/app/custom/a' }],
    };
    expect(emitted).to.deep.equal([
      eventOf({ type: 'ready' }, 'outer/app/custom/a/b', 4),
      eventOf({ type: 'ready' }, 'outer/app/custom'),
      eventOf({ type: 'done', outcome: own }, 'outer/app/custom'),
    ]);
    custom.done$.next(outcome);
    expect(outcomeOf(outer)?.members?.[0]?.members).to.deep.equal([own]);
  });

  it('has a TaskError in its outcome, whatever it ended with', () => {
    const custom = new ManualRunner();
    const app = ordered('app', custom);
    startQuietly(app);
    custom.done$.next({ task: 'custom', runner: custom, status: 'failed', error: boom as TaskError });
    const { error } = outcomeOf(app) ?? {};
    expect(error).to.be.instanceOf(TaskError);
    expect([String(error), error?.cause]).to.deep.equal(['TaskError: app/custom failed in execute: boom', boom]);
  });

  it('has failed with the error that it has reported, on which the error of its outcome is suppressed', () => {
    const custom = observedRunner();
    const runner = optional(custom);
    startQuietly(runner);
    const first = new TaskError('custom', 'execute', 'first');
    const second = new TaskError('custom', 'execute', 'second');
    custom.observer.onFailure(first);
    custom.done$.next({ task: 'custom', runner: custom, status: 'failed', error: second });
    const { error } = outcomeOf(runner) ?? {};
    expect([error, error?.suppressed]).to.deep.equal([first, [second]]);
  });

  it('is not restarted when it cannot start, although it has reported a failure before', () => {
    const custom = observedRunner();
    const { clock, runner } = startRunner(() => supervise(custom));
    custom.observer.onFailure(new TaskError('custom', 'execute', 'first'));
    custom.observer.error(boom);
    clock.advance(100_000);
    expect([runner.status, String(outcomeOf(runner)?.error)]).to.deep.equal([
      'done',
      'TaskError: custom failed in execute: boom',
    ]);
  });

  it('answers a requested restart with its failure when it could not start', async () => {
    const custom = new ManualRunner();
    const { runner } = startRunner(() => supervise(custom));
    const restarted = runner.restart();
    custom.values$.error(boom);
    expect(await restarted).to.include({ task: 'custom', status: 'failed' });
    expect(runner.status).to.equal('done');
  });

  it('finalizes in the time that its supervisor gives it, once it reports that it does', () => {
    const custom = new ManualRunner();
    const { clock, runner } = startRunner(() => supervise(custom, { restart: 'always', finalizeTimeout: 10 }));
    custom.events$.next(eventOf({ type: 'ready' }));
    custom.events$.next(eventOf({ type: 'finalizing' }, 'custom/a'));
    clock.advance(100);
    custom.events$.next(eventOf({ type: 'finalizing' }));
    clock.advance(9);
    expect(runner.status).to.equal('finalizing');
    clock.advance(1);
    expect(String(outcomeOf(runner)?.error)).to.equal('TaskError: custom failed in finalize: Not done within 10 ms');
  });

  it('reports a teardown that throws to the listeners of all that it is part of, as of its current run', () => {
    const custom = hostileRunner();
    const clock = virtualClock(5);
    const outer = ordered('outer', ordered('app', custom));
    const emitted = events(outer);
    startQuietly(outer, withCancel(undefined, { scheduler: clock })[0]);
    custom.events$.next(eventOf({ type: 'ready' }, 'custom', 3));
    custom.events$.next(eventOf({ type: 'ready' }, 'custom/a', 4));
    custom.end('completed');
    expect(emitted.filter(({ type }) => type === 'teardown-failed')).to.deep.equal([
      { type: 'teardown-failed', task: 'outer/app/custom', runId: 3, at: 5, error: boom },
    ]);
    expect(written.all()).to.deep.equal([]);
  });

  it('reports a teardown that throws to the observer of its application', async () => {
    const custom = hostileRunner();
    const failures: unknown[] = [];
    const app = launch([custom], {
      observer: (event) => event.type === 'teardown-failed' && failures.push(event.error),
    });
    custom.end('completed');
    await app;
    expect([failures, written.all()]).to.deep.equal([[boom], []]);
  });

  it('writes a teardown that throws if there is no listener', () => {
    const [inGroup, inApplication] = [hostileRunner(), hostileRunner()];
    startQuietly(ordered('app', inGroup));
    orchestrate([inApplication]).subscribe().unsubscribe();
    for (const custom of [inGroup, inApplication])
      expect(written.during(() => custom.end('completed'))).to.deep.equal([boom]);
  });

  it('has ended once, although its streams go on while they are unsubscribed', () => {
    for (const [fails, summary] of [
      [true, 'app failed [app/custom failed, app/other cancelled]'],
      [false, 'app cancelled [app/custom completed, app/other cancelled]'],
    ] as const) {
      const custom = new ManualRunner();
      const outcome: Outcome = { task: 'custom', runner: custom, status: 'completed' };
      Object.assign(custom, {
        events$: new Observable(() => () => {
          custom.values$.error(new Error('again'));
          custom.done$.next(outcome);
        }),
      });
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      const app = parallel('app', custom, task('other', { execute: () => NEVER, finalize: () => timer(5, clock) }));
      startQuietly(app, ctx);
      if (fails) custom.values$.error(boom);
      else custom.done$.next(outcome);
      expect(outcomeOf(app)).to.equal(undefined);
      cancel();
      clock.advance(5);
      expect(summaryOf(app)).to.equal(summary);
    }
  });

  it('has no part in its group after its end, although it reports a failure', () => {
    const custom = observedRunner();
    const app = parallel('app', custom, forever('other'));
    startQuietly(app);
    custom.end('completed');
    custom.observer.onFailure(new TaskError('custom', 'execute', boom));
    expect(app.status).to.equal('running');
  });

  it('is not asked whether it is ready, nor when it ends, if it cannot start', () => {
    const custom = new ManualRunner();
    custom.start = throwing(boom);
    const asked: string[] = [];
    for (const name of ['ready$', 'done$'])
      Object.assign(custom, { [name]: new Observable(() => void asked.push(name)) });
    const app = ordered('app', custom);
    startQuietly(app);
    expect([app.status, asked]).to.deep.equal(['done', []]);
  });
});
