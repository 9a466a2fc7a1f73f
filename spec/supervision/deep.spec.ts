import { expect } from 'chai';
import { NEVER } from 'rxjs';
import {
  critical,
  RestartLimitError,
  supervise,
  task,
  withCancel,
  type Runnable,
  type SimpleTask,
  type TaskRunner,
} from '../../lib/index.js';
import { collect } from '../helpers/collect.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { outcomeOf, throwing } from '../helpers/tasks.js';

describe('A task that is supervised on very many levels', function () {
  // The time depends on the machine.
  this.timeout(0);
  spyOnConsoleError();

  const once = (runnable: Runnable): TaskRunner => supervise(runnable, { maxRestarts: 0 });
  const whole = (runnable: Runnable): TaskRunner => critical(runnable);
  const nest = (work: SimpleTask, wrap: typeof once, levels = 2000) => {
    let runner = wrap(work);
    for (let level = 1; level < levels; level++) runner = wrap(runner);
    return runner;
  };

  it('is ready, emits its values, and ends', () => {
    const runner = nest(task('x', { initialize: () => 1, execute: () => 'value', finalize: () => 1 }), once);
    const ready = collect(runner.ready$);
    const [ctx] = withCancel();
    expect(collect(runner.start(ctx))).to.deep.equal(['value', 'complete']);
    expect([ready, outcomeOf(runner)?.status]).to.deep.equal([[undefined, 'complete'], 'completed']);
    expectNothingLeft(ctx);
  });

  it('runs until it is cancelled, on 5,000 levels', () => {
    const runner = nest(task('x', { initialize: () => 1, execute: () => NEVER, finalize: () => 1 }), once, 5000);
    const [ctx, cancel] = withCancel();
    const emitted = collect(runner.start(ctx));
    expect([collect(runner.ready$), runner.status]).to.deep.equal([[undefined, 'complete'], 'running']);
    cancel();
    expect([emitted, outcomeOf(runner)?.status]).to.deep.equal([['complete'], 'cancelled']);
    expectNothingLeft(ctx);
  });

  for (const [wrap, ErrorClass] of [
    [once, RestartLimitError],
    [whole, Error],
  ] as const) {
    it(`fails (${wrap.name})`, () => {
      const runner = nest(task('x', { execute: throwing(), finalize: () => 1 }), wrap);
      const [ctx, cancel] = withCancel();
      const emitted = collect(runner.start(ctx, cancel));
      expect(emitted).to.deep.equal([outcomeOf(runner)?.error]);
      expect(emitted[0]).to.be.instanceOf(ErrorClass);
      expectNothingLeft(ctx);
    });
  }
});
