import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { ordered, snapshot, task, TaskError, taskRunner, type Snapshot, type TaskRunner } from '../../lib/index.js';
import { readRole, readView } from '../../lib/task/runner-protocol.js';
import { ManualRunner } from '../helpers/custom-runners.js';
import { outcomeOf } from '../helpers/tasks.js';
import { startQuietly } from '../group/helpers.js';

/** Checks the snapshot of a runner of another copy of this package that has this view. */
function expectFacts(view: object, facts: Partial<Snapshot>): void {
  const runner = Object.assign(new ManualRunner(), { [readView]: () => view });
  expect(snapshot(runner)).to.deep.equal({ name: 'custom', status: 'running', restarts: 0, ...facts });
}

describe('A runner of another copy of this package', () => {
  const child = taskRunner(task('a', () => NEVER));
  const idle = (name: string): Snapshot => ({ name, status: 'idle', restarts: 0 });
  const error = new TaskError('x', 'execute', new Error('boom'));
  const slots = { runs: 4, failures: 3, skipped: 2, missed: 1 };

  it('has a snapshot with all the facts of its view', () => {
    expectFacts(
      { members: [child], memberName: () => 'key', children: [child] },
      { members: [idle('key'), idle('a')] },
    );
    expectFacts({ members: [child], transparent: true }, {});
    expectFacts(
      { since: 5, childCounts: { started: 2, failed: 1 } },
      { since: 5, children: { started: 2, failed: 1 } },
    );
    expectFacts(
      { history: { restarts: 2, nextAt: 7, paused: true, running: 3, slots } },
      { restarts: 2, nextAt: 7, paused: true, running: 3, history: slots },
    );
    expectFacts({ history: { lastError: error } }, { lastError: error });
    expectFacts({ outcome: { error } }, { lastError: error });
  });

  it('has a snapshot without the facts of its view that are of a wrong type', () => {
    const members = [idle('a')];
    expectFacts({ members: [child, {}], children: [child, {}] }, {});
    for (const memberName of [() => 1, 'key']) expectFacts({ members: [child], memberName }, { members });
    expectFacts({ members: [child], transparent: 'yes' }, { members });
    expectFacts({ since: '5', childCounts: { started: 2, failed: '1' } }, {});
    expectFacts({ history: { restarts: '2', nextAt: '7', lastError: 'boom' }, outcome: { error: 'boom' } }, {});
    expectFacts({ history: { slots: { ...slots, missed: '1' } } }, {});
    expectFacts({ history: { paused: 'yes', running: '3', slots } }, { paused: false, running: 0, history: slots });
  });

  it('cancels its group when it is essential and ends with a cancel', () => {
    for (const status of ['cancelled', 'completed'] as const) {
      const custom = Object.assign(new ManualRunner(), { [readRole]: () => 'essential' });
      const app: TaskRunner = ordered('app', custom);
      startQuietly(app);
      custom.end(status);
      expect(outcomeOf(app)).to.include({ status });
    }
  });
});
