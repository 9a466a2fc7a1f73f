import { expect } from 'chai';
import { NEVER, timer } from 'rxjs';
import {
  dynamic,
  launch,
  optional,
  ordered,
  supervise,
  task,
  withCancel,
  type DynamicGroup,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { ManualRunner } from '../helpers/custom-runners.js';
import { forever, outcomeOf, throwing } from '../helpers/tasks.js';
import { describeOutcome, startQuietly, steady, summaryOf } from './helpers.js';

/** Creates a task that acts when it starts, and then runs until it is cancelled. */
const acting = (name: string, act: () => unknown) => task(name, { initialize: () => void act(), execute: () => NEVER });

/** The members of a group by key, with the status of each. */
const membersOf = (group: DynamicGroup) => group.keys.map((key) => `${key} ${group.get(key)?.status}`);

/** Resolves with the descriptions of outcomes. */
const described = async (outcomes: Iterable<ReturnType<DynamicGroup['remove']>>) =>
  (await Promise.all(outcomes)).map((outcome) => outcome && describeOutcome(outcome));

describe('A dynamic group that starts the members that were added before', () => {
  const consoleError = spyOnConsoleError();

  it("is ready before its first member starts when its readiness is 'self'", () => {
    for (const [readiness, types] of [
      ['self', ['ready', 'added']],
      ['members', ['added', 'ready']],
    ] as const) {
      const group = dynamic('group', { readiness });
      const emitted: string[] = [];
      group.events$.subscribe(({ task: path, type }) => {
        if (path === 'group' && type !== 'initializing') emitted.push(type);
      });
      group.add('a', forever('a'));
      group.start().subscribe();
      expect(emitted).to.deep.equal(types);
    }
  });

  it('never starts a member that is removed before its turn, and resolves the removal', async () => {
    const group = dynamic('group');
    const removals: ReturnType<DynamicGroup['remove']>[] = [];
    group.events$.subscribe((event) => {
      if (event.type === 'added' && event.key === 'a') removals.push(group.remove('b'));
    });
    group.add(
      'a',
      acting('a', () => removals.push(group.remove('c'), group.remove('c'))),
    );
    const removed = ['b', 'c'].map((key) => group.add(key, forever(key)));
    group.add('d', forever('d'));
    ordered('app', group).start().subscribe();
    expect([membersOf(group), removed.map(({ status }) => status)]).to.deep.equal([
      ['a running', 'd running'],
      ['idle', 'idle'],
    ]);
    expect(await described(removals)).to.deep.equal(['app/group/b not-started', 'app/group/c not-started', undefined]);
  });

  it('starts only the last replacement of a member whose turn has not come, in the turn of that member', async () => {
    const group = dynamic('group');
    const replacements: ReturnType<DynamicGroup['replace']>[] = [];
    const starts: string[] = [];
    const noted = (name: string) => acting(name, () => starts.push(name));
    group.add(
      'a',
      acting('a', () => {
        for (const name of ['b2', 'b3']) replacements.push(group.replace('b', noted(name)));
      }),
    );
    for (const name of ['b', 'c']) group.add(name, noted(name));
    group.start().subscribe();
    expect([starts, membersOf(group)]).to.deep.equal([
      ['b3', 'c'],
      ['a running', 'b running', 'c running'],
    ]);
    expect(await described(replacements)).to.deep.equal(['group/b not-started', 'group/b not-started']);
  });

  /** A group whose first member fails when it starts, and then finalizes for 5 ms. */
  function startFailing() {
    const clock = virtualClock();
    const group = dynamic('group', { onFailure: 'stop' });
    group.add(
      'a',
      task('a', { initialize: throwing(new Error('boom')), execute: () => NEVER, finalize: () => timer(5, clock) }),
    );
    for (const key of ['b', 'c']) group.add(key, forever(key));
    return { clock, group, ctx: withCancel(undefined, { scheduler: clock })[0] };
  }

  it('stops if the first one fails, and reports the others as not started', async () => {
    const { clock, group, ctx } = startFailing();
    startQuietly(group, ctx);
    expect(membersOf(group)).to.deep.equal(['a finalizing', 'b idle', 'c idle']);
    expect(await described([group.remove('b')])).to.deep.equal(['group/b not-started']);
    clock.advance(5);
    expect(summaryOf(group)).to.equal('group failed [group/a failed, group/c not-started]');
    expect(await described([group.remove('c')])).to.deep.equal(['group/c not-started']);
    expect(group.keys).to.deep.equal([]);
  });

  it('starts the members that it has not started yet when it is restarted', () => {
    const { clock, group, ctx } = startFailing();
    const errors = consoleError.during(() => {
      supervise(group, steady(20)).start(ctx).subscribe();
      clock.advance(20);
    });
    expect(errors.map(String)).to.deep.equal(['TaskError: group/a failed in initialize: boom']);
    expect(membersOf(group)).to.deep.equal(['b running', 'c running']);
  });

  it('has the members that it has not started in the report of an application that stops meanwhile', async () => {
    for (const [timeout, expected] of [
      [Infinity, 'group cancelled [group/b not-started, group/a cancelled]'],
      [3, 'group timed-out [group/a timed-out in finalize, group/b not-started]'],
    ] as const) {
      const clock = virtualClock();
      const group = dynamic('group');
      group.add('a', task('a', { execute: (_, cancel) => (cancel(), NEVER), finalize: () => timer(5, clock) }));
      group.add('b', forever('b'));
      const app = launch([group], { scheduler: clock, timeout, observer: () => undefined });
      clock.advance(5);
      expect((await app).outcomes.map(describeOutcome)).to.deep.equal([expected]);
    }
  });
});

describe('A member of a dynamic group that cannot start', () => {
  const consoleError = spyOnConsoleError();

  /** A runner that runs elsewhere. */
  let shared: TaskRunner;
  /** A runner whose `start` throws. */
  const broken = Object.assign(new ManualRunner(), { start: throwing(new Error('boom')) });
  const messages = [
    'TaskError: group/shared failed in execute: shared is already running',
    'TaskError: group/broken failed in execute: boom',
  ];

  beforeEach(() => {
    shared = forever('shared');
    shared.start().subscribe();
  });

  /** Starts a group, and adds the runners. */
  function startWithBoth(group: DynamicGroup) {
    startQuietly(group);
    group.add('shared', shared);
    group.add('broken', broken);
    expect([group.status, group.keys]).to.deep.equal(['running', []]);
  }

  it('has its error in its event `done`, and leaves the group running', () => {
    const group = dynamic('group');
    const errors: string[] = [];
    group.events$.subscribe((event) => {
      if (event.type === 'done') errors.push(`${event.task} ${event.runId} ${String(event.outcome.error)}`);
    });
    startWithBoth(group);
    expect(errors).to.deep.equal([`group/shared 1 ${messages[0]}`, `group/broken 1 ${messages[1]}`]);
    expect(consoleError.all()).to.deep.equal([]);
  });

  it('has the number of its run under its key in its event `done`', () => {
    const group = dynamic('group');
    const runIds: number[] = [];
    group.events$.subscribe(({ type, runId }) => type === 'done' && runIds.push(runId));
    startWithBoth(group);
    group.add('shared', shared);
    expect(runIds).to.deep.equal([1, 1, 2]);
  });

  it('has its error on the console if nobody listens', () => {
    startWithBoth(dynamic('group'));
    expect(consoleError.all().map(String)).to.deep.equal(messages);
  });

  it('has its error on the console once if its application has no observer', async () => {
    const group = dynamic('group');
    const app = launch([group]);
    group.add('shared', shared);
    expect(consoleError.all().map(String)).to.deep.equal(messages.slice(0, 1));
    expect((await app.stop()).outcomes.map(({ children }) => children)).to.deep.equal([{ started: 1, failed: 1 }]);
  });

  it("leaves the group running if it is optional and `onFailure` is 'stop', and is no member of the outcome", () => {
    const group = dynamic('group', { onFailure: 'stop' });
    const subscription = group.start().subscribe();
    group.add('broken', optional(broken));
    expect(group.status).to.equal('running');
    subscription.unsubscribe();
    expect(outcomeOf(group)).to.include({ status: 'cancelled' }).and.not.have.property('members');
  });

  it("stops the group with its error if `onFailure` is 'stop'", () => {
    const group = dynamic('group', { onFailure: 'stop' });
    const errors: unknown[] = [];
    group.start().subscribe({ error: (error: unknown) => errors.push(error) });
    group.add('shared', shared);
    expect([errors.map(String), group.status]).to.deep.equal([messages.slice(0, 1), 'done']);
  });
});
