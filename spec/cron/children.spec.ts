import { expect } from 'chai';
import { NEVER, Subject } from 'rxjs';
import {
  cron,
  joinAll,
  launchRunner,
  task,
  taskRunner,
  withCancel,
  type CancelFunc,
  type RunContext,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';

describe('The children of a cron’s runs', () => {
  it('are numbered over all runs', () => {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const child = task('child', () => 1);
    const runner = cron(
      task('x', (run, cancelApp) => void launchRunner(run, cancelApp, taskRunner(child))),
      10,
    );
    const numbers: number[] = [];
    runner.events$.subscribe(({ type, task: path, runId }) => {
      if (path === 'x/child' && type === 'done') numbers.push(runId);
    });
    runner.start(ctx).subscribe();
    clock.advance(25);
    cancel();
    expect(numbers).to.deep.equal([1, 2, 3]);
  });

  it('are abandoned with the run at the deadline, with all that they have started', () => {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const [other, cancelOther] = withCancel(undefined, { scheduler: clock });
    cancelOther();
    const source = new Subject<number>();
    const grandchild = taskRunner(task('grandchild', () => source));
    const starting = (runner: TaskRunner) => (run: RunContext, cancelApp: CancelFunc) => {
      launchRunner(run, cancelApp, runner);
      return NEVER;
    };
    const child = taskRunner(task('child', starting(grandchild)));
    const runner = cron(task('x', starting(child)), 10);
    const dropped: string[] = [];
    runner.events$.subscribe(({ type, task: path }) => type === 'result-dropped' && dropped.push(path));
    runner.start(ctx).subscribe();
    joinAll(other, 0, [runner]).subscribe();
    source.next(1);
    expect(dropped).to.deep.equal(['x/child/grandchild']);
    cancel();
  });
});
