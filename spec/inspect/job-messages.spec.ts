import { expect } from 'chai';
import { NEVER } from 'rxjs';
import type { ApplicationInfo } from '../../lib/app/application-info.js';
import { JobError } from '../../lib/fleet/index.js';
import { supervise, task, TaskError, taskRunner, type AppEvent, type RunContext } from '../../lib/index.js';
import { stateOf } from '../../lib/inspect/server/app-state.js';
import { JobMessages } from '../../lib/inspect/server/job-messages.js';
import { toRecorded } from '../../lib/recording/to-recorded.js';
import type { RecordedEvent } from '../../lib/recording/types.js';

const secret = 'ann@example.com';
const job = { task: 'worker/job', job: { id: '1', queue: 'mail', attempt: 1, awaited: false } } as RunContext;

describe('The messages of the errors of jobs', () => {
  let messages: JobMessages;

  beforeEach(() => {
    messages = new JobMessages();
    messages.onEvent(job);
  });

  it('are hidden in the state of the application, at each task that a job has started', () => {
    const failing = (name: string) =>
      supervise(
        task(name, () => {
          throw new Error(secret);
        }),
        { backoff: { initial: 60_000, jitter: 0 } },
      );
    const worker = taskRunner(
      task('worker', (ctx) => {
        const run = taskRunner(
          task('job', (inner) => {
            failing('send').start(inner).subscribe();
            return NEVER;
          }),
        );
        failing('poll').start(ctx).subscribe();
        run.start(ctx).subscribe();
        return NEVER;
      }),
    );
    // Otherwise the failures are written to the console.
    worker.events$.subscribe();
    const subscription = worker.start().subscribe();
    const application = { runners: [worker], ready: true, notReady: [] } as unknown as ApplicationInfo;
    const textOf = (shown: JobMessages | undefined) =>
      JSON.stringify(
        stateOf(application, 0, { boot: 'a', hasFleet: false, actions: undefined, jobMessages: shown }).tasks,
      );
    expect(textOf(undefined).split(secret)).to.have.length(3);
    const text = textOf(messages);
    expect(text.split(secret)).to.have.length(2);
    expect(text).to.include('send failed in execute: the message is hidden');
    subscription.unsubscribe();
  });

  it('are hidden in the events of a custom runner that a job has started, which have no run', () => {
    const event = (path: string): RecordedEvent => ({
      type: 'failed',
      at: 1,
      task: path,
      error: { name: 'TaskError', message: secret, task: path, phase: 'execute' },
    });
    expect(JSON.stringify(messages.hide(event('worker/job/custom'), undefined))).not.to.include(secret);
    expect(messages.hide(event('worker/jobs'), undefined)).to.deep.equal(event('worker/jobs'));
  });

  const error = { name: 'RangeError', message: secret };
  const hidden = { name: 'RangeError', message: 'the message is hidden, inspector({ showData: true }) shows it' };

  it('are hidden in the events of a job and of what it has started, in their errors, causes and outcomes', () => {
    const child = { task: 'worker/job/send', parent: job } as RunContext;
    // A run may have any name.
    const renamed = { task: 'renamed', parent: child } as RunContext;
    for (const run of [job, child, renamed]) {
      const of = { at: 1, task: run.task };
      expect(messages.hide({ type: 'failed', ...of, error }, run)).to.deep.equal({
        type: 'failed',
        ...of,
        error: hidden,
      });
      expect(messages.hide({ type: 'cancelling', ...of, cause: error }, run)).to.deep.equal({
        type: 'cancelling',
        ...of,
        cause: hidden,
      });
      expect(messages.hide({ type: 'ready', ...of }, run)).to.deep.equal({ type: 'ready', ...of });
    }
    const outcome = { task: 'worker/job', status: 'failed', error } as const;
    expect(messages.hide({ type: 'done', at: 1, task: 'worker/job', outcome }, job).outcome).to.deep.equal({
      ...outcome,
      error: hidden,
    });
  });

  it('are hidden in the outcomes of groups and of the application, at any depth, and others are shown', () => {
    const failed = (task: string) => ({ task, status: 'failed', error }) as const;
    const ended = (task: string) => ({ task, status: 'completed' }) as const;
    const group = {
      ...failed('app'),
      members: [failed('worker/job'), { ...ended('x'), members: [failed('worker/job/a')] }],
    };
    const expected = {
      ...group,
      members: [
        { ...failed('worker/job'), error: hidden },
        { ...ended('x'), members: [{ ...failed('worker/job/a'), error: hidden }] },
      ],
    };
    const done: RecordedEvent = { type: 'done', at: 1, task: 'app', outcome: group };
    expect(messages.hide(done, undefined)).to.deep.equal({ ...done, outcome: expected });
    const shutdown: RecordedEvent = { type: 'shutdown', at: 1, outcomes: [group, failed('http')] };
    expect(messages.hide(shutdown, undefined)).to.deep.equal({ ...shutdown, outcomes: [expected, failed('http')] });
    const other: RecordedEvent = { type: 'done', at: 1, task: 'http', outcome: failed('http') };
    expect(messages.hide(other, { task: 'http' } as RunContext)).to.equal(other);
  });

  it('are hidden in the errors of tasks that have waited for a job, and in the cancel of the application', () => {
    const awaited = new JobError('mail', '1', { name: 'RangeError', message: secret });
    const ofSubmitter = new TaskError('submitter', 'execute', new Error(`not sent: ${secret}`, { cause: awaited }));
    const ofChild = new TaskError('worker/job/send', 'execute', new Error(secret));
    const submitter = { task: 'submitter' } as RunContext;
    const runner = taskRunner(task('submitter', () => 1));
    const of = { task: 'submitter', runId: 1, at: 1 };
    for (const error of [ofSubmitter, ofChild]) {
      const events: [AppEvent, RunContext?][] = [
        [{ type: 'failed', ...of, phase: 'execute', error }, submitter],
        [{ type: 'done', ...of, outcome: { task: 'submitter', runner, status: 'failed', error } }, submitter],
        [{ type: 'cancelling', ...of, cause: error }, submitter],
        [{ type: 'cancelled', cause: error }],
      ];
      for (const [event, run] of events) {
        const recorded = JSON.stringify(messages.toRecorded(event, 1, run));
        expect(recorded).to.include(`${error.task} failed in execute: the message is hidden`).and.not.include(secret);
      }
    }
    const others = [new TaskError('submitter', 'execute', new Error('no disk')), new Error('enough'), 'enough'];
    for (const cause of others)
      expect(messages.toRecorded({ type: 'cancelled', cause }, 1, undefined)).to.deep.equal(
        toRecorded({ type: 'cancelled', cause }, 1),
      );
  });

  it('leave the name of the error, if it looks like that of a class, its task and its hook', () => {
    const names: Record<string, string> = {
      Error: 'Error',
      TypeError: 'TypeError',
      Http2Exception: 'Http2Exception',
      Exception: 'Exception',
      DiskFull: 'Error',
      'My Error': 'Error',
      'TypeError ': 'Error',
      typeError: 'Error',
      [`A${'b'.repeat(60)}Error`]: `A${'b'.repeat(60)}Error`,
      [`A${'b'.repeat(61)}Error`]: 'Error',
    };
    for (const [name, shown] of Object.entries(names))
      expect(messages.hideError({ name, message: secret }, 'worker/job').name, name).to.equal(shown);
    const ofTask = { name: 'TaskError', message: secret, task: 'a', phase: 'execute' } as const;
    expect(messages.hideError(ofTask, 'worker/job/a')).to.deep.equal({
      ...ofTask,
      message: `a failed in execute: ${hidden.message}`,
    });
    expect(messages.hideError({ ...error, task: 'a' }, 'worker/job')).to.deep.equal({ ...hidden, task: 'a' });
    expect(messages.hideError({ ...error, phase: 'execute' }, 'worker/job')).to.deep.equal({
      ...hidden,
      phase: 'execute',
    });
    for (const path of ['worker', 'worker/jobs', 'app/worker/job'])
      expect(messages.hideError(error, path)).to.equal(error);
  });
});
