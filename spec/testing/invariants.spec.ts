import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import {
  critical,
  dynamic,
  optional,
  parallel,
  ShutdownReport,
  supervise,
  task,
  taskRunner,
  type Outcome,
  type TaskRunner,
} from '../../lib/index.js';
import { scenario, ScenarioError, script, type ScenarioResult } from '../../lib/testing/index.js';
import { checkInvariants } from '../../lib/testing/invariants.js';
import type { RecordedEvent } from '../../lib/recording/types.js';

type Type = RecordedEvent['type'];

const runner = taskRunner(task('x', () => 1));

/** Creates the result of a scenario in which a task `x` emitted these events. */
function resultOf(types: readonly Type[], report?: Partial<ShutdownReport>): ScenarioResult {
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

function dynamicOf(member: TaskRunner): TaskRunner {
  const group = dynamic('g');
  group.add('x', member);
  return group;
}

describe('checkInvariants', () => {
  it('accepts the events of a correct run, with values and slots in between', () => {
    const runs: Type[][] = [
      ['initializing', 'ready', 'value', 'slot-started', 'finalizing', 'done'],
      ['ready', 'value', 'done'],
      ['initializing', 'cancelling', 'finalizing', 'done'],
      ['initializing', 'ready', 'cancelling', 'value', 'finalizing', 'done'],
      ['initializing', 'finalizing', 'restarting', 'initializing', 'done'],
      ['ready', 'restarting', 'ready', 'restarting', 'cancelling', 'done'],
      ['initializing', 'failed', 'finalizing', 'done'],
      ['ready', 'cancelling', 'failed', 'done'],
      ['ready', 'failed', 'restarting', 'ready', 'failed', 'finalizing', 'restarting', 'ready', 'done'],
      ['done'],
      ['result-dropped'],
      // The first events of a run may be missing.
      ['value'],
    ];
    for (const run of runs) checkInvariants(resultOf(run));
  });

  describe('of several tasks', () => {
    const check = (events: [task: string, type: Type, runId?: number][], report?: Partial<ShutdownReport>) => {
      const recorded = events.map(([name, type, runId = 1], at): RecordedEvent => ({ type, at, task: name, runId }));
      const recording = { version: 1, from: 0, dropped: 0, events: recorded } as const;
      checkInvariants({ ...resultOf([], report), recording });
    };

    it('rejects an event of a group after another, although a member has become ready', () => {
      for (const [types, message] of [
        [['ready', 'done'], 'the ready of x comes after done'],
        [['ready', 'finalizing'], 'the ready of x comes after finalizing'],
      ] as const)
        expect(() =>
          check([...types.map((type): [string, Type] => ['x', type]), ['x/a', 'ready'], ['x', 'ready']]),
        ).to.throw(ScenarioError, message);
      expect(() =>
        check([
          ['x', 'ready'],
          ['x/a', 'ready'],
          ['x', 'initializing'],
        ]),
      ).to.throw(ScenarioError, 'the initializing of x comes after ready');
    });

    it('rejects a value after the end of its task, although another task still runs', () => {
      expect(() =>
        check([
          ['x', 'ready'],
          ['y', 'ready'],
          ['x', 'done'],
          ['x', 'value'],
        ]),
      ).to.throw(ScenarioError, 'the value of x comes after the end of execute');
    });

    it('accepts the end of a run of a supervisor, whose number differs from that of the task', () => {
      check(
        [
          ['x', 'ready', 2],
          ['x', 'done', 1],
        ],
        { outcomes: [outcome('completed')] },
      );
    });
  });

  it('rejects events that no correct run emits', () => {
    const wrong: [types: Type[], message: string][] = [
      [['ready', 'initializing'], 'At 1 (ms) the initializing of x comes after ready'],
      [['ready', 'ready'], 'the ready of x comes after ready'],
      [['finalizing', 'finalizing'], 'the finalizing of x comes after finalizing'],
      [['done', 'done'], 'the done of x comes after done'],
      [['finalizing', 'ready'], 'the ready of x comes after finalizing'],
      [['finalizing', 'cancelling'], 'the cancelling of x comes after finalizing'],
      [['ready', 'finalizing', 'value'], 'the value of x comes after the end of execute'],
      [['ready', 'failed', 'value'], 'the value of x comes after the end of execute'],
      [['ready', 'failed', 'failed'], 'the failed of x comes after failed'],
      [['ready', 'failed', 'cancelling'], 'the cancelling of x comes after failed'],
      [['ready', 'finalizing', 'failed'], 'the failed of x comes after finalizing'],
      [['done', 'value'], 'the value of x comes after the end of execute'],
      [['ready', 'restarting', 'finalizing'], 'the finalizing of x comes after restarting'],
    ];
    for (const [types, message] of wrong)
      expect(() => checkInvariants(resultOf(types)), message).to.throw(ScenarioError, message);
  });

  it('rejects an event that is earlier than the previous one', () => {
    const { recording, ...rest } = resultOf(['ready', 'done']);
    const events = recording.events.map((event, index) => ({ ...event, at: 5 - index }));
    expect(() => checkInvariants({ ...rest, recording: { ...recording, events } })).to.throw(
      ScenarioError,
      'At 4 (ms) the done of x comes after an event at 5 ms',
    );
  });

  it('accepts overlapping runs of one path, which another task has started', () => {
    const { recording, ...rest } = resultOf(['ready', 'ready', 'finalizing', 'value', 'done', 'done']);
    const runIds = [1, 2, 1, undefined, 1, 2];
    const events = recording.events.map((event, index) => ({ ...event, runId: runIds[index] }) as RecordedEvent);
    checkInvariants({ ...rest, recording: { ...recording, events } });
  });

  it('distinguishes the runs of one task', () => {
    const { recording, ...rest } = resultOf(['ready', 'done', 'ready', 'value', 'done']);
    const events = recording.events.map((event, index) => ({ ...event, runId: index < 2 ? 1 : 2 }));
    checkInvariants({ ...rest, recording: { ...recording, events } });
  });

  it('accepts that a group is ready again when one of its members is, or has ended', () => {
    const resultOfGroup = (...steps: readonly (readonly [task: string, type: Type])[]): ScenarioResult => {
      const { recording, ...rest } = resultOf([]);
      const events = steps.map(([name, type], at): RecordedEvent => ({ type, at, task: name, runId: 1 }));
      return { ...rest, recording: { ...recording, events } };
    };
    for (const end of ['ready', 'done'] as const)
      checkInvariants(resultOfGroup(['g/h/x', 'initializing'], ['g', 'ready'], ['g/h/x', end], ['g', 'ready']));
    expect(() => checkInvariants(resultOfGroup(['g/x', 'ready'], ['g', 'ready'], ['g', 'ready']))).to.throw(
      'the ready of g comes after ready',
    );
    const cancelled = resultOfGroup(['g/x', 'ready'], ['g', 'ready'], ['g/x', 'cancelling'], ['g', 'ready']);
    expect(() => checkInvariants(cancelled)).to.throw('the ready of g comes after ready');
    expect(() => checkInvariants(resultOfGroup(['g', 'ready'], ['h/x', 'ready'], ['g', 'ready']))).to.throw(
      'the ready of g comes after ready',
    );
  });

  it('accepts a clean report although an optional task has failed', () => {
    const optional = { ...outcome('failed'), optional: true };
    checkInvariants(resultOf([], { clean: true, outcomes: [optional] }));
    expect(() => checkInvariants(resultOf([], { clean: true, outcomes: [optional, outcome('failed')] }))).to.throw(
      'The report is marked clean, but its outcomes differ',
    );
  });

  it('accepts that a restart begins another run of the task, which alone has an end', () => {
    const result = (...runs: readonly (readonly [type: Type, runId: number])[]): ScenarioResult => {
      const { recording, ...rest } = resultOf([], { outcomes: [] });
      const events = runs.map(([type, runId], at): RecordedEvent => ({ type, at, task: 'x', runId }));
      return { ...rest, recording: { ...recording, events } };
    };
    checkInvariants(result(['ready', 1], ['restarting', 1], ['ready', 2], ['done', 2]));
    // The numbers of an outer supervisor differ.
    checkInvariants(result(['ready', 4], ['restarting', 1], ['ready', 5], ['restarting', 5], ['done', 2]));
    expect(() => checkInvariants(result(['ready', 1], ['restarting', 1]))).to.throw('x has no end');
    expect(() => checkInvariants(result(['ready', 1], ['ready', 2], ['done', 2]))).to.throw('x has no end');
  });

  it('rejects a task without an end in an application that has ended, unless it has timed out', () => {
    const report = (...outcomes: Outcome[]) => ({
      outcomes,
      clean: outcomes.every(({ status }) => status === 'completed'),
    });
    checkInvariants(resultOf(['ready']));
    checkInvariants(resultOf(['ready', 'done'], report(outcome('completed'))));
    checkInvariants(resultOf(['ready'], report(outcome('timed-out'))));
    expect(() => checkInvariants(resultOf(['ready'], report(outcome('completed'))))).to.throw(
      ScenarioError,
      'x has no end, and has not timed out',
    );
    expect(() => checkInvariants(resultOf(['ready'], report(outcome('timed-out', 'y'))))).to.throw('x has no end');
    // The group of the task has timed out.
    const { recording, ...rest } = resultOf(['ready'], report(outcome('timed-out', 'g')));
    const events = recording.events.map((event) => ({ ...event, task: 'g/x' }));
    checkInvariants({ ...rest, recording: { ...recording, events } });
  });

  it('rejects a report whose `clean` contradicts its outcomes', () => {
    const wrong = [
      { clean: true, outcomes: [outcome('failed')] },
      { clean: true, outcomes: [outcome('timed-out')] },
      { clean: true, failures: ['boom'] },
    ];
    for (const report of wrong)
      expect(() => checkInvariants(resultOf([], report))).to.throw(
        ScenarioError,
        'The report is marked clean, but its outcomes differ',
      );
    expect(() => checkInvariants(resultOf([], { clean: false, outcomes: [outcome('cancelled')] }))).to.throw(
      'The report is marked not clean, but its outcomes differ',
    );
    checkInvariants(resultOf([], { clean: false, failures: ['boom'] }));
  });

  it('accepts a report that only the failure of a critical task has made unclean', async () => {
    for (const groupOf of [(x: TaskRunner) => optional(parallel('g', x)), dynamicOf]) {
      const result = await scenario({ run: () => [groupOf(critical(script('x', '>--#')))] });
      expect(result.report?.clean).to.equal(false);
      checkInvariants(result);
    }
  });

  it('accepts a member that cannot start under a key that another one has had', async () => {
    const group = dynamic('g');
    const running = taskRunner(script('x', '>----|'));
    const result = await scenario({
      run: () => [group, running],
      during: () => {
        group.add('a', script('y', '|'));
        group.add('a', running);
      },
      duration: 10,
    });
    expect(result.events.filter(({ type }) => type === 'done').map((event) => 'runId' in event && event.runId)).to.eql([
      1, 2, 1,
    ]);
    checkInvariants(result);
  });

  it('accepts a part of a supervised group without an end when it has not ended within `finalizeTimeout`', async () => {
    const groups = () => {
      const group = supervise(parallel('a', script('x', '>--#]---------|')), { finalizeTimeout: 5 });
      return [group, dynamicOf(supervise(parallel('b', script('x', '>--#]---------|')), { finalizeTimeout: 5 }))];
    };
    checkInvariants(await scenario({ run: groups, onFailure: 'continue', signals: '40ms T' }));
  });

  it('accepts that an outer supervisor restarts a task that waits for a restart', async () => {
    const backoff = { initial: 10, jitter: 0 };
    const runner = supervise(supervise(script('x', ['>#', '>----|']), { backoff }), { backoff });
    const result = await scenario({
      run: () => [runner],
      during: () => delay(5).then(() => runner.restart()),
    });
    expect(result.report?.clean).to.equal(true);
    checkInvariants(result);
  });

  it('accepts the result of a scenario', async () => {
    checkInvariants(await scenario({ run: () => [script('x', '[->a-(!])-|'), script('y', '--#')] }));
  });
});
