import { expect } from 'chai';
import { NEVER, Subject, timer } from 'rxjs';
import {
  joinAll,
  launch,
  launchRunner,
  ordered,
  orchestrate,
  parallel,
  task,
  TaskError,
  taskRunner,
  withCancel,
  type AppEvent,
  type SimpleTask,
} from '../../lib/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { collect } from '../helpers/collect.js';
import { failAfter } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { timedEvent } from './helpers.js';

/** Fails after 2 ms, and never ends its `finalize`. */
const consumer = () => task('consumer', { execute: () => failAfter(2), finalize: () => NEVER });
/** Takes 3 ms to end. */
const http = () => task('http', { execute: () => NEVER, finalize: () => timer(3) });

describe('A task that fails while its `finalize` hangs', () => {
  const written = spyOnConsoleError();

  it('stops the other tasks at the failure, and the deadline counts from there', () => {
    virtually((_, scheduler) => {
      const events: string[] = [];
      orchestrate([consumer(), http()], { timeout: 10 }).subscribe((event) =>
        events.push(timedEvent(scheduler.now(), event)),
      );
      scheduler.flush();
      expect(events).to.deep.equal([
        '0 consumer initializing',
        '0 consumer ready',
        '0 http initializing',
        '0 http ready',
        '2 consumer failed',
        '2 cancelled',
        '2 http cancelling',
        '2 http finalizing',
        '2 consumer finalizing',
        '5 http done',
        '12 shutdown',
      ]);
    });
  });

  it('makes the application unready at the failure, and no longer live at the deadline', () => {
    virtually((_, scheduler) => {
      const app = launch([consumer(), http()], { timeout: 10 });
      const states: unknown[] = [];
      for (const at of [1, 3, 13]) scheduler.schedule(() => states.push([app.ready, app.live]), at);
      scheduler.flush();
      expect(states).to.deep.equal([
        [true, true],
        [false, true],
        [false, false],
      ]);
    });
  });

  it('has its error in the outcome `timed-out` and in the report, and it is written at once, once', async () => {
    const reports: Promise<unknown>[] = [];
    virtually((_, scheduler) => {
      const app = launch([consumer(), http()], { timeout: 10 });
      scheduler.schedule(() => expect(written.all()).to.have.length(1), 3);
      reports.push(
        app.then((report) => {
          const outcome = report.outcomes.find((each) => each.task === 'consumer');
          expect(outcome).to.include({ status: 'timed-out', phase: 'finalize' });
          expect(outcome?.error).to.be.instanceOf(TaskError).and.include({ phase: 'execute' });
          expect(report.cause).to.equal(outcome?.error);
          expect(written.all()).to.deep.equal([outcome?.error]);
          expect(String(report)).to.include('boom');
          expect(report.clean).to.equal(false);
        }),
      );
      scheduler.flush();
    });
    await Promise.all(reports);
  });

  it('leaves the application unready but running with `onFailure: continue`', async () => {
    const reports: Promise<unknown>[] = [];
    virtually((_, scheduler) => {
      const app = launch([consumer(), http()], { timeout: 10, onFailure: 'continue' });
      const states: unknown[] = [];
      for (const at of [1, 3, 1000]) scheduler.schedule(() => states.push([app.ready, app.live]), at);
      scheduler.schedule(() => void app.stop('enough'), 2000);
      scheduler.flush();
      expect(states).to.deep.equal([
        [true, true],
        [false, true],
        [false, true],
      ]);
      reports.push(
        app.then((report) => {
          expect(report).to.include({ cause: 'enough', clean: false });
          expect(String(report))
            .to.match(/consumer +timed-out in finalize/)
            .and.include('boom');
          expect(report.outcomes.map(({ task: name, status, error }) => [name, status, error?.message])).to.deep.equal([
            ['http', 'cancelled', undefined],
            ['consumer', 'timed-out', 'consumer failed in execute: boom'],
          ]);
        }),
      );
    });
    await Promise.all(reports);
    expect(written.all()).to.have.length(1);
  });

  it('stops the other members of its group, and the application, at the failure', () => {
    virtually((_, scheduler) => {
      const events: string[] = [];
      const group = ordered('group', http(), consumer());
      orchestrate([group, task('other', () => NEVER)], { timeout: 10 }).subscribe((event) =>
        events.push(timedEvent(scheduler.now(), event)),
      );
      scheduler.flush();
      const stop = events.filter((event) => /failed|cancelled|other done|shutdown/.test(event));
      expect(stop).to.deep.equal(['2 group/consumer failed', '2 cancelled', '2 other done', '12 shutdown']);
    });
  });

  it('is written at once and once when it was launched without an observer', () => {
    virtually((_, scheduler) => {
      const [ctx, cancel] = withCancel(undefined, { scheduler });
      const runner = taskRunner(consumer());
      launchRunner(ctx, cancel, runner);
      scheduler.schedule(() => expect(written.all()).to.have.length(1), 3);
      scheduler.schedule(() => cancel(), 4);
      const outcomes = collect(joinAll(ctx, 5, [runner]));
      scheduler.flush();
      expect(written.all()).to.have.length(1);
      expect(outcomes[0]).to.include({ status: 'timed-out', error: written.all()[0] });
    });
  });

  it('is written once when it was launched without an observer and ends with an error in `finalize`, too', () => {
    const [ctx, cancel] = withCancel();
    const source = new Subject<never>();
    const runner = taskRunner(task('t', { execute: () => source, finalize: () => failAfter(0) }));
    launchRunner(ctx, cancel, runner);
    source.error(new Error('first'));
    expect(written.all()).to.have.length(1);
  });

  it('is written once when it was launched without an observer, and is unsubscribed before it has ended', () => {
    virtually((_, scheduler) => {
      for (const toRunner of [taskRunner, (each: SimpleTask) => parallel('app', each)]) {
        const [ctx, cancel] = withCancel(undefined, { scheduler });
        const subscription = launchRunner(
          ctx,
          cancel,
          toRunner(task('t', { execute: () => failAfter(2), finalize: () => timer(3) })),
        );
        scheduler.schedule(() => subscription.unsubscribe(), 3);
      }
      scheduler.flush();
      expect(written.all().map(String)).to.deep.equal([
        'TaskError: t failed in execute: boom',
        'TaskError: app/t failed in execute: boom',
      ]);
    });
  });

  it('is written once when it is a child that was launched without an observer', () => {
    virtually((_, scheduler) => {
      const app = launch(
        [
          task('parent', (ctx, cancel) => {
            launchRunner(ctx, cancel, taskRunner(consumer()));
            return NEVER;
          }),
        ],
        { timeout: 10 },
      );
      scheduler.schedule(() => void app.stop(), 5);
      scheduler.flush();
      expect(written.all().map(String)).to.deep.equal(['TaskError: parent/consumer failed in execute: boom']);
    });
  });
});

describe('A task that fails with a timeout of 0', () => {
  it('is not timed out for the failure that stops the application', () => {
    virtually((_, scheduler) => {
      let last: AppEvent | undefined;
      let endedAt = 0;
      orchestrate([task('fails', () => failAfter(2)), http()], { timeout: 0 }).subscribe((event) => {
        last = event;
        endedAt = scheduler.now();
      });
      scheduler.flush();
      const outcomes = last?.type === 'shutdown' ? last.report.outcomes : [];
      expect(outcomes.map(({ task: name, status }) => `${name} ${status}`)).to.deep.equal([
        'fails failed',
        'http timed-out',
      ]);
      expect(endedAt).to.equal(2);
    });
  });
});
