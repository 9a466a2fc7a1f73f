import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { launch, ordered, task, taskRunner, type RunContext } from '../../lib/index.js';
import { isStartedByRun } from '../../lib/task/is-started-by-run.js';

describe('isStartedByRun', () => {
  it('is whether another run has started a run, or one that it is part of', async () => {
    const started: Record<string, boolean> = {};
    const recording = (name: string) =>
      task(name, (ctx: RunContext) => {
        started[ctx.task] = isStartedByRun(ctx);
        return NEVER;
      });
    const parent = task('parent', (ctx) => {
      started[ctx.task] = isStartedByRun(ctx);
      taskRunner(recording('child')).start(ctx).subscribe();
      ordered('group', recording('member')).start(ctx).subscribe();
      return NEVER;
    });
    taskRunner(recording('alone')).start().subscribe().unsubscribe();
    const app = launch([ordered('app', parent), recording('single')]);
    await app.stop();
    expect(started).to.deep.equal({
      'app/parent': false,
      'app/parent/child': true,
      'app/parent/group/member': true,
      single: false,
      alone: false,
    });
  });
});
