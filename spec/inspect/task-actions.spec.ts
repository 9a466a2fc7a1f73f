import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { cron, dynamic, supervise, task, taskRunner, withCancel, type Context } from '../../lib/index.js';
import { actionOf, currentActionsByPath } from '../../lib/inspect/server/task-actions.js';
import { virtualClock } from '../../lib/testing/index.js';

const lasting = (name: string) => task(name, { initialize: () => NEVER, execute: () => NEVER });

describe('The actions of a task that make sense now', () => {
  const started = () => withCancel(undefined, { scheduler: virtualClock() });
  const actionsOf = (runner: Parameters<typeof currentActionsByPath>[0][number], path = 'x') =>
    currentActionsByPath([runner]).get(path);

  it('are for a cron to pause or resume it, also before its start, and to trigger it while it runs', () => {
    const runner = cron(
      task('x', () => 1),
      1000,
    );
    expect(actionsOf(runner)).to.deep.equal(['pause', 'reschedule']);
    runner.pause();
    expect(actionsOf(runner)).to.deep.equal(['resume', 'reschedule']);
    runner.resume();
    const [ctx, cancel] = started();
    runner.start(ctx).subscribe();
    expect(actionsOf(runner)).to.deep.equal(['trigger', 'pause', 'reschedule']);
    runner.pause();
    expect(actionsOf(runner)).to.deep.equal(['trigger', 'resume', 'reschedule']);
    cancel();
    expect([runner.status, actionsOf(runner)]).to.deep.equal(['done', []]);
  });

  it('are for a supervised task to restart it between its start and its end', () => {
    const runner = supervise(lasting('x'));
    const [ctx, cancel] = started();
    expect(actionsOf(runner)).to.deep.equal([]);
    runner.start(ctx).subscribe();
    expect([runner.status, actionsOf(runner)]).to.deep.equal(['initializing', ['restart']]);
    cancel();
    expect([runner.status, actionsOf(runner)]).to.deep.equal(['done', []]);
  });

  it('are for a member of a dynamic group to remove it, until it has ended', () => {
    const group = dynamic('x');
    const [ctx, cancel]: [Context, (cause?: unknown) => void] = started();
    group.start(ctx).subscribe();
    group.add('a', lasting('a'));
    expect(actionsOf(group, 'x/a')).to.deep.equal(['remove']);
    cancel();
    expect(actionsOf(group, 'x/a') ?? []).to.deep.equal([]);
  });

  it('are none for any other task', () => {
    expect(actionsOf(taskRunner(lasting('x')))).to.deep.equal([]);
  });

  it('are for a runner that stands for a cron those that it has the methods for', () => {
    const standIn = (...names: string[]) =>
      Object.assign(taskRunner(lasting('x')), Object.fromEntries(names.map((name) => [name, () => undefined])));
    const cases: [names: string[], actions: string[]][] = [
      [['trigger', 'pause'], []],
      [['trigger', 'pause', 'resume'], ['pause']],
      [['trigger', 'pause', 'resume', 'reschedule'], ['pause']],
      [['trigger', 'pause', 'resume', 'nextRuns'], ['pause']],
      [
        ['trigger', 'pause', 'resume', 'reschedule', 'nextRuns'],
        ['pause', 'reschedule'],
      ],
    ];
    for (const [names, actions] of cases) expect(actionsOf(standIn(...names)), names.join()).to.deep.equal(actions);
    const runner = taskRunner(lasting('a'));
    const removal = (...names: string[]) =>
      actionOf({ path: 'x/a', runner, group: standIn(...names), memberName: 'a' }, 'remove');
    expect(removal('remove', 'replace')).to.be.a('function');
    for (const names of [['remove'], ['replace'], []]) expect(removal(...names)).to.equal(undefined);
    expect(actionOf({ path: 'a', runner }, 'remove')).to.equal(undefined);
  });
});
