import { expect } from 'chai';
import { appMarkText, eventDetails, ownError, statusSummary, taskErrorText } from '../../lib/inspect/labels.js';
import { isFailure, kinds, plottedMarks, type MarkKind } from '../../lib/inspect/styles.js';
import type { TaskRow } from '../../lib/inspect/task-timeline.js';
import type { RecordedEvent } from '../../lib/recording/types.js';

const error = { name: 'TaskError', message: 'app/x failed in execute: no disk', task: 'app/x' };

function row(fields: Partial<TaskRow>): TaskRow {
  const counts = { active: 1, runs: 1, restarts: 0, failures: 0 };
  return { task: 'app/x', status: 'running', since: 0, spans: [], marks: [], ...counts, ...fields } as TaskRow;
}

describe('The labels of a timeline', () => {
  it('show an error without the name of its task at its own row alone', () => {
    expect(taskErrorText(error, 'app/x')).to.equal('execute: no disk');
    expect(taskErrorText(error, 'app')).to.equal('TaskError: app/x failed in execute: no disk');
    expect(taskErrorText({ ...error, message: 'lost' }, 'app/x')).to.equal('TaskError: lost');
  });

  it('show the last error of a group only if the row of its member does not', () => {
    const group = row({ task: 'app', lastError: error });
    const rows = (lastError: typeof error) => new Map([['app/x', row({ lastError })]]);
    expect(ownError(group, rows(error))).to.equal(undefined);
    expect(ownError(group, rows({ ...error, message: 'another' }))).to.equal(error);
    expect(ownError(group, new Map())).to.equal(error);
    expect(ownError(group, new Map([['app/x', row({})]]))).to.equal(error);
    expect(ownError(row({ lastError: error }), rows(error))).to.equal(error);
  });

  it('show a status with the number of runs, and of restarts or else of failures', () => {
    const summaries: [Partial<TaskRow>, string][] = [
      [{}, 'running'],
      [{ active: 2 }, 'running, 2 runs'],
      [{ status: 'timed-out', active: 0 }, 'timed out'],
      [{ status: 'not-started', active: 0 }, 'not started'],
      [{ restarts: 1, failures: 1 }, 'running, 1 restart'],
      [{ active: 3, restarts: 2 }, 'running, 3 runs, 2 restarts'],
      [{ failures: 1 }, 'running, 1 failure'],
      [{ status: 'failed', active: 0, failures: 1 }, 'failed'],
      [{ status: 'failed', active: 0, failures: 2 }, 'failed, 2 failures'],
    ];
    for (const [fields, expected] of summaries) expect(statusSummary(row(fields))).to.equal(expected);
  });

  it('show the cause of a stop, and its result', () => {
    const mark = (type: 'cancelled' | 'draining' | 'shutdown', rest: Partial<RecordedEvent> = {}) =>
      appMarkText({ type, at: 1, event: { type, at: 1, ...rest } });
    const cause = { name: 'SignalError', message: 'Received SIGTERM' };
    expect(mark('draining')).to.equal('draining');
    expect(mark('cancelled', { cause })).to.equal('cancelled: SignalError: Received SIGTERM');
    expect(mark('shutdown', { clean: true, durationMs: 1500 })).to.equal('shutdown, clean');
    expect(mark('shutdown', { clean: false, durationMs: 1500 })).to.equal('shutdown, not clean, in 1.5 s');
    expect(mark('shutdown', { clean: false })).to.equal('shutdown, not clean');
  });

  const details: [RecordedEvent, string][] = [
    [{ type: 'ready', at: 1 }, ''],
    [{ type: 'removed', at: 1, key: 'a', by: 'ann' }, 'a, by ann'],
    [{ type: 'operated', at: 1, action: 'redrive', target: 'mail', count: 2 }, 'redrive mail, 2 jobs'],
    [{ type: 'rescheduled', at: 1000, nextAt: 2500 }, 'next in 1.5 s'],
    [{ type: 'missed', at: 1, count: 3, reason: 'paused' }, '3 slots, paused'],
    [{ type: 'missed', at: 1, count: 1 }, '1 slot'],
    [{ type: 'overdue', at: 1, lateBy: 1500 }, '1.5 s late'],
    [{ type: 'restarting', at: 1, restart: 2, delay: 1500, error }, `no. 2, in 1.5 s: TaskError: ${error.message}`],
    [{ type: 'failed', at: 1, phase: 'execute', error }, `TaskError: ${error.message}`],
    [{ type: 'result-dropped', at: 1, phase: 'finalize' }, 'finalize'],
    [{ type: 'option-failed', at: 1, option: 'jitter', error }, `jitter: TaskError: ${error.message}`],
    [{ type: 'cancelling', at: 1, cause: error }, `TaskError: ${error.message}`],
    [{ type: 'done', at: 1, outcome: { task: 'app/x', status: 'failed', error } }, `TaskError: ${error.message}`],
  ];
  for (const [event, expected] of details) {
    const { type, at, ...rest } = event;
    it(`show the details of ${type} at ${at} with ${Object.keys(rest).join(', ') || 'no properties'}`, () => {
      expect(eventDetails(event)).to.equal(expected);
    });
  }

  it('count four kinds of marks as failures', () => {
    expect(kinds.filter((kind) => isFailure(kind as MarkKind))).to.have.members([
      'failed',
      'slot-failed',
      'future-failed',
      'timed-out',
    ]);
  });

  it('have a mark where a run has timed out, in the order of time', () => {
    const marks = [{ kind: 'failed' as const, at: 9, event: { type: 'failed' as const, at: 9 } }];
    const plotted = (fields: Partial<TaskRow>) =>
      plottedMarks(row({ marks, ...fields })).map(({ kind, at }) => [kind, at]);
    expect(plotted({ since: 5 })).to.deep.equal([['failed', 9]]);
    expect(plotted({ status: 'timed-out', since: 5 })).to.deep.equal([
      ['timed-out', 5],
      ['failed', 9],
    ]);
  });
});
