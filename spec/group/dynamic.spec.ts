import { AsyncLocalStorage } from 'node:async_hooks';
import { expect } from 'chai';
import { map, NEVER, of, throwError, timer } from 'rxjs';
import {
  critical,
  dynamic,
  launch,
  NotRunningError,
  optional,
  ordered,
  snapshot,
  supervise,
  task,
  taskRunner,
  withCancel,
  type DynamicOptions,
  type Runnable,
  type TaskEvent,
} from '../../lib/index.js';
import { scenario, script, virtualClock } from '../../lib/testing/index.js';
import { collect } from '../helpers/collect.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { rejectionOf } from '../helpers/rejection.js';
import { settled } from '../helpers/tasks.js';

/** A group that has been started on a virtual clock. */
function start(options: DynamicOptions = {}) {
  const clock = virtualClock();
  const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
  const group = dynamic('group', options);
  const log: string[] = [];
  group.events$.subscribe((event) => log.push(describeEvent(event)));
  const emitted = collect(group.start(ctx, cancel));
  return { clock, ctx, cancel, group, log, emitted };
}

function describeEvent(event: TaskEvent): string {
  const detail =
    event.type === 'added' || event.type === 'removed' ? ` ${event.key}${event.by ? ` by ${event.by}` : ''}` : '';
  return `${event.at} ${event.task} ${event.type}${detail}`;
}

/** A task that takes some time to end when it is cancelled. */
const server = (endsIn = 0) =>
  task('server', { execute: () => NEVER, finalize: () => (endsIn > 0 ? timer(endsIn, clockOf()) : undefined) });
let current: ReturnType<typeof virtualClock> | undefined;
const clockOf = () => current;
const started = (options?: DynamicOptions) => {
  const result = start(options);
  current = result.clock;
  return result;
};

describe('A dynamic group', () => {
  const consoleError = spyOnConsoleError();

  it('starts members that are added while it runs, under their keys, and emits their values', () => {
    const { group, emitted, log, cancel } = started();
    group.add(
      'a',
      task('counter', () => of(1, 2)),
    );
    const runner = group.add(
      'b',
      task('counter', () => of(3)),
      { by: 'operator' },
    );
    expect(emitted).to.deep.equal([1, 2, 3]);
    expect(log).to.deep.equal([
      '0 group initializing',
      '0 group ready',
      '0 group added a',
      '0 group/a ready',
      '0 group/a done',
      '0 group added b by operator',
      '0 group/b ready',
      '0 group/b done',
    ]);
    expect([group.keys, group.get('b'), runner.status]).to.deep.equal([[], undefined, 'done']);
    expect(group.status).to.equal('running');
    cancel();
    expect(emitted.at(-1)).to.equal('complete');
  });

  it('starts members that were added before its start, and returns the runner that it was given', () => {
    const group = dynamic('group');
    const runner = taskRunner(task('x', () => NEVER));
    expect(group.add('a', runner)).to.equal(runner);
    expect([group.keys, group.get('a'), runner.status]).to.deep.equal([['a'], runner, 'idle']);
    group.start().subscribe();
    expect(runner.status).to.equal('running');
  });

  it('removes a member: cancels it, waits for its end, and frees its key', async () => {
    const { group, clock, log } = started();
    const runner = group.add('a', server(5));
    const removed = group.remove('a', { by: 'operator' });
    const again = group.remove('a');
    expect([runner.status, group.keys]).to.deep.equal(['finalizing', ['a']]);
    clock.advance(5);
    const outcome = await removed;
    expect([outcome?.task, outcome?.status, outcome?.runner]).to.deep.equal(['group/a', 'cancelled', runner]);
    expect(await again).to.equal(outcome);
    expect([group.keys, await group.remove('a')]).to.deep.equal([[], undefined]);
    expect(log.filter((line) => line.includes('removed'))).to.deep.equal(['0 group removed a by operator']);
  });

  it('names in the cause of the cancel whether a member was removed or replaced', async () => {
    const { group } = started();
    const causes: string[] = [];
    const member = () =>
      task('member', (ctx) => {
        ctx.cancelled$.subscribe((cause) => causes.push(String(cause)));
        return NEVER;
      });
    group.add('a', member());
    await group.replace('a', member());
    await group.remove('a');
    expect(causes).to.deep.equal(['CancelledError: group/a was replaced', 'CancelledError: group/a was removed']);
  });

  it('does not restart a supervised member that is removed', async () => {
    const { group } = started();
    const runner = group.add('a', supervise(server(), { restart: 'always' }));
    await group.remove('a');
    expect(runner.status).to.equal('done');
  });

  it('starts a replacement when the old member has fully ended', async () => {
    const { group, clock, log } = started();
    const old = group.add('a', server(5));
    const replacement = taskRunner(server());
    const replaced = group.replace('a', replacement, { by: 'operator' });
    expect([group.get('a'), replacement.status]).to.deep.equal([old, 'idle']);
    clock.advance(5);
    expect([group.get('a'), replacement.status]).to.deep.equal([replacement, 'running']);
    expect((await replaced)?.status).to.equal('cancelled');
    expect(log.slice(2)).to.deep.equal([
      '0 group added a',
      '0 group/a initializing',
      '0 group/a ready',
      '0 group removed a by operator',
      '0 group/a cancelling',
      '0 group/a finalizing',
      '5 group/a done',
      '5 group added a by operator',
      '5 group/a initializing',
      '5 group/a ready',
    ]);
  });

  it('starts the last of several replacements alone, and none after a later removal', async () => {
    const { group, clock } = started();
    const replacements = [1, 2].map(() => taskRunner(server(5)));
    group.add('a', server(5));
    const outcomes = replacements.map((runner) => group.replace('a', runner));
    clock.advance(5);
    expect(replacements.map(({ status }) => status)).to.deep.equal(['idle', 'running']);
    expect((await Promise.all(outcomes)).map((outcome) => outcome?.status)).to.deep.equal(['cancelled', 'cancelled']);
    const third = taskRunner(server());
    void group.replace('a', third);
    void group.remove('a');
    clock.advance(5);
    expect([third.status, group.keys]).to.deep.equal(['idle', []]);
    // It can be added, because it is no member.
    group.add('b', third);
    expect(third.status).to.equal('running');
  });

  it('adds a replacement of a free key, and replaces a member that has not been started', async () => {
    const { group } = started();
    expect(await group.replace('a', server())).to.equal(undefined);
    expect([group.keys, group.get('a')?.status]).to.deep.equal([['a'], 'running']);

    const idle = dynamic('group');
    idle.add('a', server());
    const replacement = taskRunner(server());
    expect((await idle.replace('a', replacement))?.status).to.equal('not-started');
    expect(idle.get('a')).to.equal(replacement);
    expect((await idle.remove('a'))?.status).to.equal('not-started');
    expect(idle.keys).to.deep.equal([]);
  });

  it('cancels its members together at the stop, the newest first, and waits for them', () => {
    const { group, clock, cancel, emitted } = started();
    const told: string[] = [];
    const member = (name: string) =>
      task(name, {
        execute: (ctx) => {
          ctx.cancelled$.subscribe(() => told.push(name));
          return NEVER;
        },
        finalize: () => timer(5, clock),
      });
    for (const key of ['a', 'b', 'c']) group.add(key, member(key));
    cancel();
    expect(told).to.deep.equal(['c', 'b', 'a']);
    expect(emitted).to.deep.equal([]);
    clock.advance(5);
    expect([group.status, emitted]).to.deep.equal(['done', ['complete']]);
  });

  it('refuses new members while it stops, and is empty when it is started again', async () => {
    const { group, clock, cancel } = started();
    group.add('a', server(5));
    cancel();
    expect(() => group.add('b', server())).to.throw(NotRunningError, 'group is not running');
    expect(await rejectionOf(group.replace('a', server()))).to.be.instanceOf(NotRunningError);
    clock.advance(5);
    expect(group.keys).to.deep.equal([]);
    group.add('c', server());
    group.start(withCancel(undefined, { scheduler: clock })[0]).subscribe();
    expect(group.keys).to.deep.equal(['c']);
    expect(group.get('c')?.status).to.equal('running');
  });

  it('does not start a replacement when it is stopped meanwhile', async () => {
    const { group, clock, cancel } = started();
    group.add('a', server(5));
    const replacement = taskRunner(server());
    const replaced = group.replace('a', replacement);
    cancel();
    clock.advance(5);
    expect([(await replaced)?.status, replacement.status]).to.deep.equal(['cancelled', 'idle']);
    // It can be added again, because it is no member.
    group.add('a', replacement);
    expect(group.get('a')).to.equal(replacement);
  });

  it('refuses keys that are taken, empty or no part of a path, a member twice, and unknown options', async () => {
    const { group } = started();
    const runner = group.add('a', server());
    expect(() => group.add('a', server())).to.throw(
      RangeError,
      "Expected `key` to be the key of no other member, got `'a'`",
    );
    expect(() => group.add('', server())).to.throw(RangeError, 'Expected `key` to be a part of a path');
    expect(() => group.add('a/b', server())).to.throw(RangeError, 'Expected `key` to be a part of a path');
    expect(() => group.add(1 as never, server())).to.throw(TypeError, 'Expected `key` to be a string');
    const message = 'Expected `runnable` to be a runner that is no member yet';
    expect(() => group.add('b', runner)).to.throw(TypeError, message);
    const replacement = taskRunner(server());
    group.add('c', server(5));
    void group.replace('c', replacement);
    expect(() => group.add('b', replacement)).to.throw(TypeError, message);
    expect(() => group.add('b', {} as never)).to.throw(TypeError, 'Expected `task` to be a task');
    expect(() => group.add('b', server(), { who: 'me' } as never)).to.throw(
      TypeError,
      'Expected an option of `add`, got `who`',
    );
    expect(await rejectionOf(group.replace('', server()))).to.be.instanceOf(RangeError);
    expect(() => dynamic(1 as never)).to.throw(TypeError, 'Expected `name` to be a string');
    expect(() => dynamic('x', { readiness: 'all' as never })).to.throw(RangeError, 'Expected `readiness`');
    expect(() => dynamic('x', { onFailure: 'restart' as never })).to.throw(RangeError, 'Expected `onFailure`');
    expect(group.keys).to.deep.equal(['a', 'c']);
  });

  describe('with a member that fails', () => {
    const bad = task('bad', () => throwError(() => new Error('boom')));

    it('goes on, writes the error without a listener, and counts it', () => {
      const group = dynamic('group');
      group.start().subscribe();
      group.add('a', server());
      group.add('b', bad);
      expect([group.status, group.keys]).to.deep.equal(['running', ['a']]);
      expect(consoleError.all().map(String)).to.deep.equal(['TaskError: group/b failed in execute: boom']);
      expect(snapshot(group).children).to.deep.equal({ started: 2, failed: 1 });
    });

    it("stops with its error if `onFailure` is 'stop'", () => {
      const { group, clock, emitted } = started({ onFailure: 'stop' });
      group.add('a', server(5));
      group.add('b', bad);
      clock.advance(5);
      expect(emitted.map(String)).to.deep.equal(['TaskError: group/b failed in execute: boom']);
      expect(group.status).to.equal('done');
    });

    it('stops if the member is critical of its group, but not when that is removed or replaced', async () => {
      const { group, clock } = started();
      const essential = () => critical(server(), { of: 'group' });
      group.add('a', essential());
      await group.remove('a');
      group.add('a', essential());
      await group.replace('a', essential());
      expect(group.status).to.equal('running');
      group.add('b', critical(bad, { of: 'group' }));
      clock.advance(5);
      expect(group.status).to.equal('done');
    });
  });

  it('has the members of the stop in its outcome, and counts all', async () => {
    const { group, clock, cancel } = started();
    group.add(
      'a',
      task('x', () => 1),
    );
    group.add('b', server(5));
    group.add('c', task('x', { execute: () => NEVER, finalize: () => throwError(() => new Error('boom')) }));
    cancel();
    clock.advance(5);
    let outcome;
    group.done$.subscribe((each) => (outcome = each));
    expect(outcome).to.deep.include({ status: 'cancelled', children: { started: 3, failed: 1 } });
    expect(
      (outcome as never as { members: { task: string; status: string }[] }).members.map((m) => `${m.task} ${m.status}`),
    ).to.deep.equal(['group/c failed', 'group/b cancelled']);
  });

  it('names a member that hangs at the deadline, and resolves its removal', async () => {
    const clock = virtualClock();
    const group = dynamic('tenants');
    const app = launch([group], { scheduler: clock, timeout: 100, observer: () => undefined });
    group.add('acme', task('sync', { execute: () => NEVER, finalize: () => NEVER }));
    const removed = group.remove('acme');
    const stopped = app.stop();
    clock.advance(100);
    expect((await removed)?.status).to.equal('timed-out');
    expect(String(await stopped)).to.match(/tenants\/acme +timed-out in finalize/);
  });

  it("is ready at once, or with readiness 'members' while all its members are, apart from optional ones", () => {
    const slow = () => task('slow', { initialize: ({ scheduler }) => timer(5, scheduler), execute: () => NEVER });
    for (const [readiness, expected] of [
      ['self', ['running', 'running', 'running']],
      ['members', ['running', 'initializing', 'running']],
    ] as const) {
      const { group, clock } = started({ readiness });
      const seen = [group.status];
      group.add('a', slow());
      group.add('b', optional(task('never', { initialize: () => NEVER, execute: () => NEVER })));
      seen.push(group.status);
      clock.advance(5);
      seen.push(group.status);
      expect(seen, readiness).to.deep.equal(expected);
    }
  });

  it('lets the application be ready again when a member that was not ready is removed or has failed', async () => {
    const clock = virtualClock();
    const group = dynamic('tenants', { readiness: 'members' });
    const app = launch(
      [
        ordered(
          'app',
          group,
          task('http', () => NEVER),
        ),
      ],
      { scheduler: clock, observer: () => undefined },
    );
    const never = () => task('never', { initialize: () => NEVER, execute: () => NEVER });
    expect(app.ready).to.equal(true);
    group.add('a', never());
    expect(app.ready).to.equal(false);
    await group.remove('a');
    expect(app.ready).to.equal(true);
    group.add(
      'b',
      task('bad', {
        initialize: ({ scheduler }) =>
          timer(5, scheduler).pipe(
            map(() => {
              throw new Error('boom');
            }),
          ),
        execute: () => NEVER,
      }),
    );
    expect(app.ready).to.equal(false);
    clock.advance(5);
    expect(app.ready).to.equal(true);
    await app.stop();
  });

  it('runs the hooks of a member in the async context of the call that added it', async () => {
    const store = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const { group, clock } = store.run('starter', () => started());
    const noted = (endsIn = 0) =>
      task('x', {
        execute: () => (seen.push(store.getStore()), NEVER),
        finalize: () => (endsIn > 0 ? timer(endsIn, clock) : undefined),
      });
    store.run('acme', () => group.add('a', noted(5)));
    store.run('bolt', () => void group.replace('a', noted()));
    store.run('other', () => clock.advance(5));
    const idle = dynamic('idle');
    store.run('early', () => idle.add('a', noted()));
    store.run('later', () => idle.start().subscribe());
    await settled();
    expect(seen).to.deep.equal(['acme', 'bolt', 'early']);
  });

  it('has its members in the snapshot under their keys, and numbers the runs of a key', async () => {
    const { group, log } = started();
    const ids: number[] = [];
    group.events$.subscribe(
      (event) =>
        event.type === 'added' || (event.task === 'group/a' && event.type === 'ready' && ids.push(event.runId)),
    );
    group.add('a', server());
    await group.replace('a', server());
    expect(snapshot(group).members?.map(({ name, status }) => `${name} ${status}`)).to.deep.equal(['a running']);
    expect(ids).to.deep.equal([1, 2]);
    expect(log).to.include('0 group/a ready');
  });

  it('may be changed by its members, and by listeners of its events', async () => {
    const { group } = started();
    group.add(
      'parent',
      task('parent', () => {
        group.add('child', server());
        return NEVER;
      }),
    );
    expect(group.keys).to.deep.equal(['parent', 'child']);
    const subscription = group.events$.subscribe((event) => {
      if (event.type === 'added' && event.key === 'c') void group.remove('c');
    });
    group.add('c', server());
    await settled();
    subscription.unsubscribe();
    expect(group.keys).to.deep.equal(['parent', 'child']);
  });

  it('shows in marbles what is added and removed', async () => {
    const group = dynamic('tenants');
    const acme: Runnable = script('acme', '[-->---(!])-|');
    await scenario({
      run: () => [group],
      during: async ({ clock }) => {
        const wait = (ms: number) => new Promise((resolve) => clock.schedule(() => resolve(undefined), ms));
        await wait(3);
        group.add('acme', acme);
        await wait(6);
        await group.remove('acme');
      },
      signals: '            ---------------T',
      expect: `
        tenants       ([>)-- {   -----   ;   -----!|
        tenants/acme  ----   [-->---    (!])-|
      `,
      tolerance: 10,
    });
  });
});
