import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { critical, ordered, supervise, task, taskRunner, type RunContext, type TaskRunner } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { withCancel } from '../../lib/index.js';

/** Returns an array that grows with the path and number of each run that becomes ready. */
function readyRuns(runner: TaskRunner): string[] {
  const ready: string[] = [];
  runner.events$.subscribe(({ type, task: path, runId }) => {
    if (type === 'ready') ready.push(`${path} #${runId}`);
  });
  return ready;
}

const job = () => task('job', () => NEVER);

describe('The number of a run below a child', () => {
  it('is unique among the members of groups of one name', () => {
    const parent = taskRunner(
      task('app', (ctx) => {
        for (let i = 0; i < 2; i++) ordered('tenant', job()).start(ctx).subscribe();
        return NEVER;
      }),
    );
    const ready = readyRuns(parent);
    parent.start().subscribe();
    const expected = ['app/tenant/job #1', 'app/tenant #1', 'app/tenant/job #2', 'app/tenant #2'];
    expect(ready).to.deep.equal(['app #1', ...expected]);
  });

  it('is unique among the children of children of one name', () => {
    const tenant = (ctx: RunContext) => {
      taskRunner(job()).start(ctx).subscribe();
      return NEVER;
    };
    const parent = taskRunner(
      task('app', (ctx) => {
        for (let i = 0; i < 2; i++) taskRunner(task('tenant', tenant)).start(ctx).subscribe();
        return NEVER;
      }),
    );
    const ready = readyRuns(parent);
    parent.start().subscribe();
    const jobs = ready.filter((line) => line.startsWith('app/tenant/job'));
    expect(jobs).to.deep.equal(['app/tenant/job #1', 'app/tenant/job #2']);
  });

  it('is unique among supervised children of one name', () => {
    const parent = taskRunner(
      task('app', (ctx) => {
        for (let i = 0; i < 2; i++) supervise(job()).start(ctx).subscribe();
        return NEVER;
      }),
    );
    const ready = readyRuns(parent);
    parent.start().subscribe();
    expect(ready).to.deep.equal(['app #1', 'app/job #1', 'app/job #2']);
  });

  it('goes on in the next run of the parent', () => {
    const parent = taskRunner(
      task('app', (ctx) => {
        taskRunner(job()).start(ctx).subscribe();
      }),
    );
    const ready = readyRuns(parent);
    parent.start().subscribe();
    parent.start().subscribe();
    expect(ready).to.deep.equal(['app #1', 'app/job #1', 'app #2', 'app/job #2']);
  });
});

describe('The events of a runner that stands for a supervised task', () => {
  it('have the number of the last run of the task', () => {
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    let runs = 0;
    const flaky = task('flaky', () => {
      if (++runs < 3) throw new Error('not yet');
    });
    const runner = critical(supervise(flaky, { backoff: { initial: 1 } }));
    const done: number[] = [];
    runner.events$.subscribe(({ type, runId }) => {
      if (type === 'done') done.push(runId);
    });
    runner.start(ctx).subscribe();
    clock.advance(10);
    expect(done).to.deep.equal([3]);
  });
});
