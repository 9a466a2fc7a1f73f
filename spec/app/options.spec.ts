import { expect } from 'chai';
import {
  launch,
  nextRuns,
  orchestrate,
  ordered,
  signalListener,
  supervise,
  task,
  taskRunner,
  withCancel,
} from '../../lib/index.js';

const work = task('x', () => 1);

describe('The options of each public function', () => {
  const undefinedOptions = (...names: string[]) => Object.fromEntries(names.map((name) => [name, undefined]));
  const application = ['timeout', 'onFailure', 'drainDelay', 'startTimeout', 'parent', 'scheduler', 'instrumentation'];

  it('may be undefined', async () => {
    const supervised = supervise(
      work,
      undefinedOptions('restart', 'backoff', 'maxRestarts', 'window', 'healthyFor', 'finalizeTimeout'),
    );
    supervise(work, { backoff: undefinedOptions('initial', 'max', 'factor', 'jitter', 'random') });
    signalListener(undefinedOptions('signals', 'target'));
    withCancel(undefined, undefinedOptions('scheduler'));
    orchestrate([work], undefinedOptions(...application));
    orchestrate([work], { instrumentation: [undefinedOptions('onEvent', 'wrapHook', 'onRunEnd')] });
    expect(nextRuns(1000, 1, undefinedOptions('from', 'timezone'))).to.have.length(1);
    expect(nextRuns('@daily', 1, undefinedOptions('from', 'timezone'))).to.have.length(1);
    const report = await launch([supervised], undefinedOptions(...application, 'observer'));
    expect(report.clean).to.equal(true);
  });

  it('are refused with the nearest known name if they are unknown', () => {
    for (const [create, message] of [
      [() => supervise(work, { maxRestart: 1 } as never), 'got `maxRestart`; did you mean `maxRestarts`?'],
      [() => supervise(work, { backoff: { intial: 1 } } as never), 'got `intial`; did you mean `initial`?'],
      [() => orchestrate([work], { timeOut: 1 } as never), 'got `timeOut`; did you mean `timeout`?'],
      [() => launch([work], { observers: 1 } as never), 'got `observers`; did you mean `observer`?'],
      [() => launch([work], { drain: 1 } as never), 'got `drain`; did you mean `drainDelay`?'],
      [() => signalListener({ signal: 'SIGHUP' } as never), 'got `signal`; did you mean `signals`?'],
      [() => withCancel(undefined, { schedular: 1 } as never), 'got `schedular`; did you mean `scheduler`?'],
      [() => nextRuns(1000, 1, { timeZone: 'UTC' } as never), 'got `timeZone`; did you mean `timezone`?'],
    ] as const)
      expect(create).to.throw(TypeError, message);
  });

  it('are read once: what is changed later has no effect', async () => {
    const options = { restart: 'on-failure' as const, maxRestarts: 0, backoff: { initial: 1 } };
    let runs = 0;
    const failing = task('failing', () => {
      runs++;
      throw new Error('boom');
    });
    const supervised = supervise(failing, options);
    options.maxRestarts = 3;
    options.backoff.initial = NaN;
    supervised.start().subscribe({ error: () => undefined });
    expect(runs).to.equal(1);

    const runnables = [taskRunner(work)];
    const app$ = orchestrate(runnables);
    runnables.push(taskRunner(task('added', () => 1)));
    const names: string[] = [];
    await app$.forEach((event) => event.type === 'done' && names.push(event.task));
    expect(names).to.deep.equal(['x']);

    let reads = 0;
    const counted = {
      get scheduler() {
        reads++;
        return undefined;
      },
    };
    withCancel(undefined, counted);
    orchestrate([], counted);
    await launch([], counted);
    expect(reads).to.equal(3);

    const members = [task('a', () => 1)];
    const group = ordered('g', ...members);
    members.push(task('b', () => 2));
    const values: number[] = [];
    await group.start().forEach((value) => values.push(value));
    expect(values).to.deep.equal([1]);
  });

  it('may be inherited, as those of an instance of a class', async () => {
    class Options {
      get timeout() {
        return 1;
      }
    }
    const stuck = task('stuck', () => new Promise(() => undefined));
    const { outcomes } = await launch([stuck], new Options()).stop();
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['timed-out']);
  });
});
