import { build } from 'esbuild';
import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as own from '../../lib/index.js';
import { launch, ordered, snapshot, supervise, task, type Outcome, type TaskEvent } from '../../lib/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { settled, throwing } from '../helpers/tasks.js';

type Library = typeof own;

/** The name, the status and the error of an outcome and of its members. */
function summaryOf({ task: name, status, error, members = [] }: Outcome): string[] {
  return [`${name} ${status}${error ? `: ${error.message}` : ''}`, ...members.flatMap(summaryOf)];
}

describe('Two copies of the package in one process', () => {
  spyOnConsoleError();
  let other: Library;

  before(async () => {
    const entry = fileURLToPath(new URL('../../lib/index.ts', import.meta.url));
    // In the package, so that the bundle finds its imports.
    const outfile = fileURLToPath(new URL('../../node_modules/.cache/rxjs-tasks-copy.mjs', import.meta.url));
    await build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      format: 'esm',
      platform: 'node',
      external: ['rxjs', 'croner'],
    });
    other = (await import(pathToFileURL(outfile).href)) as Library;
    expect(other.task).not.to.equal(task);
  });

  it("recognize each other's errors with `instanceof`, and no others", () => {
    const createErrors = (library: Library): readonly Error[] => [
      new library.TaskError('t', 'execute', 1),
      new library.RestartLimitError('t', 1, 1, undefined),
      new library.CancelledError(),
      new library.DeadlineError(1),
      new library.SignalError('SIGTERM'),
      new library.AlreadyRunningError('t'),
      new library.NotRunningError('t'),
    ];
    const classes = (library: Library) =>
      createErrors(library).map(({ constructor }) => constructor as ErrorConstructor);
    const recognized = (library: Library, errors: readonly unknown[]) =>
      classes(library).map((type) => errors.map((error) => error instanceof type));
    const expected = recognized(own, createErrors(own));
    expect(expected.map((row) => row.filter(Boolean).length)).to.deep.equal([2, 1, 1, 1, 1, 1, 1]);
    expect(recognized(own, createErrors(other))).to.deep.equal(expected);
    expect(recognized(other, createErrors(own))).to.deep.equal(expected);
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    for (const value of [undefined, null, 'x', {}, new Error('x'), proxy, Object.create(null)])
      expect(recognized(own, [value]).flat()).not.to.include(true);
  });

  it("leave a user's subclass of an error its own `instanceof`", () => {
    class PaymentError extends own.TaskError {}
    const error = new PaymentError('t', 'execute', 1);
    expect([error instanceof PaymentError, error instanceof own.TaskError]).to.deep.equal([true, true]);
    expect([error instanceof other.TaskError, error instanceof own.CancelledError]).to.deep.equal([true, false]);
    expect(new own.TaskError('t', 'execute', 1) instanceof PaymentError).to.equal(false);
    expect(new other.TaskError('t', 'execute', 1) instanceof PaymentError).to.equal(false);
  });

  it('run a runner of the other copy that fails during its start', async () => {
    const failing = other.taskRunner(other.task('b', throwing(new Error('boom'))));
    const { outcomes } = await launch([failing]);
    expect(outcomes.flatMap(summaryOf)).to.deep.equal(['b failed: b failed in execute: boom']);
  });

  it('run a group of the other copy in a group, with the paths of its members', async () => {
    const inner = other.ordered(
      'inner',
      other.task('first', { execute: () => NEVER, finalize: () => undefined }),
      other.task('last', async () => {
        await settled();
        throw new Error('boom');
      }),
    );
    const events: TaskEvent[] = [];
    const app = ordered(
      'app',
      task('server', () => NEVER),
      inner,
    );
    app.events$.subscribe((event) => events.push(event));
    const { outcomes } = await launch([app]);
    const message = 'inner/last failed in execute: boom';
    expect(outcomes.flatMap(summaryOf)).to.deep.equal([
      `app failed: ${message}`,
      'app/server cancelled',
      `app/inner failed: ${message}`,
      'app/inner/first cancelled',
      `app/inner/last failed: ${message}`,
    ]);
    expect(new Set(events.map(({ task: path }) => path))).to.deep.equal(
      new Set(['app', 'app/server', 'app/inner', 'app/inner/first', 'app/inner/last']),
    );
  });

  it('stop at the failure of a runner of the other copy, before it has finalized', async () => {
    const failing = other.task('failing', { execute: throwing(), finalize: () => new Promise(() => undefined) });
    const app = launch([other.taskRunner(failing), task('server', () => NEVER)], { timeout: 20 });
    expect(app.ready).to.equal(false);
    const { outcomes } = await app;
    expect(outcomes.map(({ task: path, status }) => `${path} ${status}`)).to.deep.equal([
      'server cancelled',
      'failing timed-out',
    ]);
  });

  it('supervise tasks and runners of the other copy, on either side', async () => {
    const flaky = () => {
      let runs = 0;
      return other.task('flaky', async () => {
        await settled();
        if (++runs < 3) throw new Error('again');
      });
    };
    const options = { backoff: { initial: 1 } };
    const { outcomes, cause } = await launch([
      supervise(flaky(), options),
      supervise(other.taskRunner(flaky()), options),
      other.supervise(flaky(), options),
    ]);
    expect(cause).to.equal(undefined);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['completed', 'completed', 'completed']);
  });

  it('take a runner of the other copy in a join, in a snapshot and under a context of the other copy', async () => {
    const [ctx, cancel] = other.withCancel();
    const runner = other.taskRunner(other.task('b', () => NEVER));
    const app = launch([runner], { parent: ctx });
    expect(snapshot(runner)).to.deep.equal({ name: 'b', status: 'running', restarts: 0 });
    cancel('enough');
    const { outcomes, cause } = await app;
    expect([outcomes.flatMap(summaryOf), cause]).to.deep.equal([['b cancelled'], 'enough']);
  });
});
