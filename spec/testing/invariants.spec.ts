import { expect } from 'chai';
import { ShutdownReport, task, taskRunner, type Outcome } from '../../lib/index.js';
import { scenario, ScenarioError, script, type ScenarioResult } from '../../lib/testing/index.js';
import { expectSound } from '../../lib/testing/invariants.js';
import type { RecordedEvent } from '../../lib/recording/recorded.js';

type Type = RecordedEvent['type'];

const runner = taskRunner(task('x', () => 1));

/** How an application went in which a task `x` told so much. */
function played(types: readonly Type[], report?: Partial<ShutdownReport>): ScenarioResult {
  const events = types.map((type, at): RecordedEvent => ({ type, at, task: 'x', runId: 1 }));
  return {
    report: report && new ShutdownReport({ cause: undefined, outcomes: [], clean: true, durationMs: 0, ...report }),
    exitCode: undefined,
    events: [],
    recording: { version: 1, from: 0, dropped: 0, events },
    marbles: '',
  };
}

const outcome = (status: Outcome['status'], name = 'x'): Outcome => ({ task: name, runner, status });

describe('expectSound', () => {
  it('takes what a task may tell in its life, with values and slots in between', () => {
    const lives: Type[][] = [
      ['initializing', 'ready', 'value', 'slot-started', 'finalizing', 'done'],
      ['ready', 'value', 'done'],
      ['initializing', 'cancelling', 'finalizing', 'done'],
      ['initializing', 'ready', 'cancelling', 'value', 'finalizing', 'done'],
      ['initializing', 'finalizing', 'restarting', 'initializing', 'done'],
      ['ready', 'restarting', 'ready', 'restarting', 'cancelling', 'done'],
      ['done'],
      ['result-dropped'],
    ];
    for (const life of lives) expectSound(played(life));
  });

  it('finds what no task tells', () => {
    const wrong: [types: Type[], message: string][] = [
      [['ready', 'initializing'], 'At 1 (ms) the initializing of x comes after ready'],
      [['ready', 'ready'], 'the ready of x comes after ready'],
      [['finalizing', 'finalizing'], 'the finalizing of x comes after finalizing'],
      [['done', 'done'], 'the done of x comes after done'],
      [['finalizing', 'ready'], 'the ready of x comes after finalizing'],
      [['finalizing', 'cancelling'], 'the cancelling of x comes after finalizing'],
      [['ready', 'finalizing', 'value'], 'the value of x comes after the end of execute'],
      [['done', 'value'], 'the value of x comes after the end of execute'],
      [['ready', 'restarting', 'finalizing'], 'the finalizing of x comes after restarting'],
    ];
    for (const [types, message] of wrong)
      expect(() => expectSound(played(types)), message).to.throw(ScenarioError, message);
  });

  it('finds a time that goes back', () => {
    const { recording, ...rest } = played(['ready', 'done']);
    const events = recording.events.map((event, place) => ({ ...event, at: 5 - place }));
    expect(() => expectSound({ ...rest, recording: { ...recording, events } })).to.throw(
      ScenarioError,
      'At 4 (ms) the done of x comes before 5 ms, which had been told',
    );
  });

  it('tells runs of one task apart', () => {
    const { recording, ...rest } = played(['ready', 'done', 'ready', 'value', 'done']);
    const events = recording.events.map((event, place) => ({ ...event, runId: place < 2 ? 1 : 2 }));
    expectSound({ ...rest, recording: { ...recording, events } });
  });

  it('finds a task without an end in an application that has one, unless it has timed out', () => {
    const report = (...outcomes: Outcome[]) => ({
      outcomes,
      clean: outcomes.every(({ status }) => status === 'completed'),
    });
    expectSound(played(['ready']));
    expectSound(played(['ready', 'done'], report(outcome('completed'))));
    expectSound(played(['ready'], report(outcome('timed-out'))));
    expect(() => expectSound(played(['ready'], report(outcome('completed'))))).to.throw(
      ScenarioError,
      'x has no end, and has not timed out',
    );
    expect(() => expectSound(played(['ready'], report(outcome('timed-out', 'y'))))).to.throw('x has no end');
    // A member's group has.
    const { recording, ...rest } = played(['ready'], report(outcome('timed-out', 'g')));
    const events = recording.events.map((event) => ({ ...event, task: 'g/x' }));
    expectSound({ ...rest, recording: { ...recording, events } });
  });

  it('finds a report that does not say how it ended', () => {
    const wrong = [
      { clean: true, outcomes: [outcome('failed')] },
      { clean: true, outcomes: [outcome('timed-out')] },
      { clean: true, failures: ['boom'] },
    ];
    for (const report of wrong)
      expect(() => expectSound(played([], report))).to.throw(ScenarioError, 'The report says that the end was clean');
    expect(() => expectSound(played([], { clean: false, outcomes: [outcome('cancelled')] }))).to.throw(
      'The report says that the end was not clean',
    );
    expectSound(played([], { clean: false, failures: ['boom'] }));
  });

  it('holds of what is played', async () => {
    expectSound(await scenario({ run: () => [script('x', '[->a-(!])-|'), script('y', '--#')] }));
  });
});
