import { build } from 'esbuild';
import { expect } from 'chai';
import { firstValueFrom, NEVER } from 'rxjs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as own from '../../lib/index.js';
import {
  critical,
  dynamic,
  launch,
  optional,
  ordered,
  snapshot,
  supervise,
  task,
  taskRunner,
  type CronRunner,
  type Outcome,
  type TaskEvent,
} from '../../lib/index.js';
import { readRole, readView } from '../../lib/task/runner-protocol.js';
import { virtualClock } from '../../lib/testing/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { wrapRunner } from '../helpers/custom-runners.js';
import { settled, throwing } from '../helpers/tasks.js';

type Library = typeof own;

/** The name, the status and the error of an outcome and of its members. */
function summaryOf({ task: name, status, error, members = [] }: Outcome): string[] {
  return [`${name} ${status}${error ? `: ${error.message}` : ''}`, ...members.flatMap(summaryOf)];
}

describe('Two copies of the package in one process', () => {
  const consoleError = spyOnConsoleError();
  const server = task('server', () => NEVER);
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
    expect(snapshot(runner)).to.deep.include({ name: 'b', status: 'running', restarts: 0 });
    cancel('enough');
    const { outcomes, cause } = await app;
    expect([outcomes.flatMap(summaryOf), cause]).to.deep.equal([['b cancelled'], 'enough']);
  });

  it('take an optional task of the other copy: nothing waits for it, and its failure stops nothing', async () => {
    for (const [mine, others] of [
      [own, other],
      [other, own],
    ] as const) {
      const failing = () => others.optional(others.task('smtp', throwing()));
      const hanging = () => others.optional(others.task('dns', { initialize: () => NEVER }));
      const group = mine.dynamic('group', { onFailure: 'stop', readiness: 'members' });
      group.add('smtp', failing());
      group.add('dns', hanging());
      const app = mine.launch(
        [
          failing(),
          hanging(),
          mine.ordered('ordered', failing(), hanging(), server),
          mine.parallel('parallel', failing(), hanging()),
          group,
        ],
        { observer: () => undefined },
      );
      await settled();
      expect([app.ready, app.runner('ordered/server')?.status]).to.deep.equal([true, 'running']);
      expect((await app.stop()).clean).to.equal(true);
    }
  });

  it('take a critical task of the other copy: it stops its group or the application', async () => {
    for (const [mine, others] of [
      [own, other],
      [other, own],
    ] as const) {
      const ends = (of: 'application' | 'group') => others.critical(others.task('ends', settled), { of });
      const group = mine.dynamic('dynamic');
      group.add('ends', ends('group'));
      const groups = [
        mine.parallel('parallel', ends('group'), server),
        mine.ordered('ordered', server, ends('group')),
        group,
      ];
      const app = mine.launch([...groups, server], { observer: () => undefined });
      await Promise.all(groups.map((each) => firstValueFrom(each.done$)));
      expect(app.ready).to.equal(true);
      await app.stop();
      for (const of of ['application', 'group'] as const) {
        const { cause, clean } = await mine.launch([ends(of), server]);
        expect([String(cause), clean]).to.deep.equal(['CancelledError: ends has ended', true]);
      }
    }
  });

  it('refuse a role of the other copy where they refuse their own', () => {
    const runner = task('x', () => NEVER);
    expect(() => supervise(other.optional(runner))).to.throw(TypeError, 'write optional(supervise(task))');
    expect(() => supervise(other.critical(runner, { of: 'group' }))).to.throw(TypeError, 'critical(supervise(task))');
    expect(() => critical(other.optional(runner))).to.throw(TypeError, 'not both');
    for (const of of ['application', 'group'] as const)
      expect(() => optional(other.critical(runner, { of }))).to.throw(TypeError, 'not both');
  });

  it('go on when a critical member of the other copy is removed from a group', async () => {
    const group = dynamic('group');
    const app = launch([group]);
    group.add('x', other.critical(other.task('x', () => NEVER)));
    await group.remove('x');
    expect(app.ready).to.equal(true);
    await app.stop();
  });

  it("find the parts of the other copy's runners by their paths, and show them in a snapshot", async () => {
    const flaky = throwing(new Error('boom'));
    const treeOf = (library: Library) => {
      const { ordered, parallel, task, supervise, optional, taskRunner, cron } = library;
      const group = library.dynamic('dynamic');
      group.add(
        'key',
        task('member', () => NEVER),
      );
      const parent = task('parent', (ctx) => taskRunner(task('child', () => NEVER)).start(ctx));
      const restarting = supervise(task('restarting', flaky), { backoff: { initial: 60_000 } });
      const jobs = parallel(
        'jobs',
        cron(
          task('job', () => 1),
          60_000,
        ),
        optional(
          cron(
            task('paused', () => 1),
            60_000,
          ),
        ),
      );
      return ordered('tree', group, optional(parent), optional(restarting), jobs);
    };
    const seen = [own, other].map(async (library) => {
      const app = launch([ordered('app', treeOf(library))], { observer: () => undefined });
      await settled();
      (app.runner('app/tree/jobs/paused') as CronRunner).pause();
      const paths = ['dynamic/key', 'parent/child', 'restarting', 'jobs/job'].map((path) => `app/tree/${path}`);
      const statuses = paths.map((path) => app.runner(path)?.status);
      // Times differ. An error of the other copy has the path in that copy, and the last outcome of a slot is left out.
      const tree = JSON.stringify(app.runners.map(snapshot), (key, value: unknown) =>
        key === 'last' ? undefined : ['since', 'nextAt', 'task', 'message'].includes(key) ? typeof value : value,
      );
      await app.stop();
      return { statuses, tree: JSON.parse(tree) as unknown };
    });
    const [ofOwn, ofOther] = await Promise.all(seen);
    expect(ofOwn?.statuses).to.deep.equal(['running', 'running', 'initializing', 'running']);
    expect(ofOther).to.deep.equal(ofOwn);
  });

  it('name the tasks of the other copy that a slow start waits for', async () => {
    const clock = virtualClock();
    const hangs = other.task('hangs', { initialize: () => NEVER });
    const app = launch([other.ordered('o', hangs)], { scheduler: clock, observer: () => undefined });
    clock.advance(10_000);
    expect(consoleError.all()).to.deep.equal(['Not ready after 10 s: o/hangs (initialize)']);
    await app.stop();
  });

  it('take a runner that throws or answers nonsense when it is read as a custom runner', async () => {
    const parts = ['members', 'memberName', 'children', 'childCounts', 'transparent', 'history', 'outcome', 'since'];
    const answers = [undefined, null, 1, 'nonsense', Symbol('nonsense'), {}, [null], [{}], throwing()];
    const viewOf = (answer: unknown) => Object.fromEntries(parts.map((part) => [part, answer]));
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const unnamed = { members: [taskRunner(server)], memberName: throwing() };
    const throwingView = Object.defineProperties(
      {},
      viewOf({ get: throwing(), enumerable: true }) as PropertyDescriptorMap,
    );
    const returned = [...answers, ...answers.map(viewOf), throwingView, unnamed, revoked.proxy];
    for (const method of [...answers, ...returned.map((each) => () => each)]) {
      const runner = wrapRunner(taskRunner(task('x', () => NEVER)));
      Object.assign(runner, { [readRole]: method, [readView]: method });
      const app = launch([ordered('o', critical(supervise(runner)))]);
      const [tree] = app.runners.map(snapshot);
      expect(tree?.members?.map(({ name, status, restarts }) => [name, status, restarts])).to.deep.equal([
        ['x', 'running', 0],
      ]);
      expect([app.ready, app.runner('o/x')?.status]).to.deep.equal([true, 'running']);
      expect((await app.stop()).clean).to.equal(true);
    }
  });
});
