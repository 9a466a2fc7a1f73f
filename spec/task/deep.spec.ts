import { expect } from 'chai';
import { map, NEVER } from 'rxjs';
import {
  joinAll,
  launch,
  launchRunner,
  parallel,
  snapshot,
  task,
  taskRunner,
  withCancel,
  type CancelFunc,
  type Context,
  type TaskRunner,
} from '../../lib/index.js';
import { collect } from '../helpers/collect.js';
import { outcomeOf } from '../helpers/tasks.js';

describe('A context 10,000 levels deep', () => {
  const nest = (): [Context, CancelFunc] => {
    const [root, cancel] = withCancel();
    let ctx = root;
    for (let level = 0; level < 10_000; level++) [ctx] = withCancel(ctx);
    return [ctx, cancel];
  };

  it('is cancelled with the cause of the first', () => {
    const [ctx, cancel] = nest();
    const received = collect(ctx.cancelled$);
    const stop = new Error('stop');
    cancel(stop);
    expect(received).to.deep.equal([stop, 'complete']);
    expect([ctx.cause, ctx.signal.aborted]).to.deep.equal([stop, true]);
  });

  it('runs a task that is cancelled with the first', () => {
    const [ctx, cancel] = nest();
    let finalized = 0;
    const runner = taskRunner(task('x', { execute: () => NEVER, finalize: () => void (finalized += 1) }));
    runner.start(ctx).subscribe();
    cancel();
    expect([outcomeOf(runner)?.status, finalized]).to.deep.equal(['cancelled', 1]);
  });
});

describe('A child below very many runs', function () {
  // The time depends on the machine.
  this.timeout(0);

  /** Creates a task that starts another, which starts another, and so on. */
  const nest = (leaf: TaskRunner, finalized: number[], levels: number): TaskRunner => {
    let below = leaf;
    for (let level = 0; level < levels; level++) {
      const child = below;
      below = taskRunner(
        task('t', {
          execute: (ctx) => child.start(ctx),
          finalize: () => void finalized.push(level),
        }),
      );
    }
    return below;
  };
  const upTo = (levels: number) => Array.from({ length: levels }, (_, level) => level);

  it('ends before 5,000 runs above it when they are cancelled, each after those below it', () => {
    const finalized: number[] = [];
    const leaf = taskRunner(task('leaf', () => NEVER));
    const root = nest(leaf, finalized, 5000);
    const [ctx, cancel] = withCancel();
    const received = collect(root.start(ctx));
    let count = 0;
    for (let at = [snapshot(root)]; at[0]; at = [...(at[0].members ?? [])]) count++;
    expect(count).to.equal(5001);
    cancel();
    expect(received).to.deep.equal(['complete']);
    expect(outcomeOf(leaf)?.status).to.equal('cancelled');
    expect(finalized).to.deep.equal(upTo(5000));
  });

  it('fails them all', () => {
    const finalized: number[] = [];
    const leaf = taskRunner(
      task('leaf', (): never => {
        throw new Error('boom');
      }),
    );
    const root = nest(leaf, finalized, 2000);
    collect(root.start());
    expect(outcomeOf(root)?.status).to.equal('failed');
    expect(finalized).to.deep.equal(upTo(2000));
  });
});

describe('A task below hundreds of runs', () => {
  /** Calls a function in a task below 300 others, and returns its result. */
  const callDeep = <T>(call: (ctx: Context) => T): T => {
    const results: T[] = [];
    let runner: TaskRunner = taskRunner(task('leaf', (ctx) => (results.push(call(ctx)), NEVER)));
    for (let level = 0; level < 300; level++) runner = parallel('g', runner);
    runner.start().subscribe();
    return results[0] as T;
  };

  it('launches an application, whose tasks run', async () => {
    const application = callDeep(() => launch([task('inner', () => 1)]));
    const { outcomes } = await application;
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['completed']);
  });

  it('joins a runner that it has launched', () => {
    const joined = callDeep((ctx) => {
      const runner = taskRunner(task('inner', () => 1));
      launchRunner(ctx, () => undefined, runner);
      return collect(joinAll(ctx, 0, [runner]).pipe(map(({ status }) => status)));
    });
    expect(joined).to.deep.equal(['completed', 'complete']);
  });
});
