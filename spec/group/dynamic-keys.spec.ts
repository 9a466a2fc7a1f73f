import { expect } from 'chai';
import { NEVER, timer } from 'rxjs';
import {
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
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { rejectionOf } from '../helpers/rejection.js';
import { forever, settled, slow } from '../helpers/tasks.js';

/** Starts a group on a virtual clock. */
function start() {
  const clock = virtualClock();
  const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
  const group = dynamic('group');
  group.start(ctx, cancel).subscribe();
  /** Creates a task that ends by itself after 5 ms. */
  const short = () => task('short', () => timer(5, clock));
  /** Creates a task that takes 5 ms to end. */
  const ending = () => task('ending', { execute: () => NEVER, finalize: () => timer(5, clock) });
  return { clock, cancel, group, short, ending };
}

describe('The key of a dynamic group', () => {
  it('is free for the listeners of the end of its member', async () => {
    for (const wrap of [(runner: TaskRunner) => runner, supervise, optional]) {
      const { clock, group, short } = start();
      const first = group.add('a', wrap(taskRunner(short())));
      group.add('b', forever('b'));
      const second = forever('second');
      let removed: unknown = 'pending';
      first.done$.subscribe(() => {
        expect([group.keys, group.get('a')]).to.deep.equal([['b'], undefined]);
        void group.remove('a').then((outcome) => (removed = outcome));
        group.add('a', second);
      });
      clock.advance(5);
      await settled();
      expect([group.keys, group.get('a'), second.status]).to.deep.equal([['b', 'a'], second, 'running']);
      expect(removed).to.equal(undefined);
      expect(snapshot(group).members?.map(({ name, status }) => `${name} ${status}`)).to.deep.equal([
        'b running',
        'a running',
      ]);
    }
  });

  it('is free for the listeners of the event `done` of its member, which may add the same runner again', () => {
    const { clock, group, short } = start();
    const runner = taskRunner(short());
    let ends = 0;
    group.events$.subscribe((event) => {
      if (event.type === 'done' && ++ends < 3) group.add('a', runner);
    });
    group.add('a', runner);
    clock.advance(10);
    expect([ends, group.keys, runner.status]).to.deep.equal([2, ['a'], 'running']);
    clock.advance(5);
    expect([ends, group.keys, runner.status]).to.deep.equal([3, [], 'done']);
  });

  it('is not the only one that its runner may be added under, but the runner is no member twice', () => {
    const { clock, group, short } = start();
    const runner = taskRunner(short());
    runner.done$.subscribe(() => group.add('b', runner));
    group.add('a', runner);
    clock.advance(5);
    expect([group.keys, runner.status]).to.deep.equal([['b'], 'running']);
    expect(() => group.add('c', runner)).to.throw(
      TypeError,
      'Expected `runnable` to be a runner that is no member yet',
    );
  });

  it('leaves the runner of a member that was replaced or removed before its start to other keys', async () => {
    const group = dynamic('group');
    const [first, second] = [forever('first'), forever('second')];
    group.add('a', first);
    await group.replace('a', second);
    group.add('b', first);
    await group.remove('a');
    group.add('c', second);
    expect(group.keys).to.deep.equal(['b', 'c']);
  });

  it('is taken for the listeners of the end of a member that is replaced, who may change the replacement', async () => {
    const { clock, group, ending } = start();
    const old = group.add('a', ending());
    const replacements = [forever('2'), forever('3')] as const;
    const promises = [group.replace('a', replacements[0])];
    old.done$.subscribe(() => {
      expect(() => group.add('a', forever('4'))).to.throw(
        RangeError,
        'Expected `key` to be the key of no other member',
      );
      promises.push(group.replace('a', replacements[1]));
    });
    clock.advance(5);
    expect(replacements.map(({ status }) => status)).to.deep.equal(['idle', 'running']);
    expect((await Promise.all(promises)).map((outcome) => outcome?.runner)).to.deep.equal([old, old]);
  });

  it('cannot be added while the group stops, whether it is taken or not', async () => {
    const { clock, cancel, group, ending } = start();
    group.add('a', ending());
    cancel();
    for (const key of ['a', 'b']) {
      expect(() => group.add(key, forever('x'))).to.throw(NotRunningError, 'group is not running');
      expect(await rejectionOf(group.replace(key, forever('x')))).to.be.instanceOf(NotRunningError);
    }
    clock.advance(5);
  });
});

describe('A dynamic group', () => {
  it('refuses a member that contains the group itself', async () => {
    const group = dynamic('group');
    const other = dynamic('other');
    const message = (name: string) =>
      `Expected \`runnable\` to be a runner that does not contain the group, got \`'${name}'\` (string)`;
    other.add('group', supervise(ordered('inner', group)));
    for (const runner of [group, supervise(group), ordered('app', slow('x', 1), group), other]) {
      expect(() => group.add('a', runner)).to.throw(TypeError, message(runner.toString()));
      expect((await rejectionOf(group.replace('a', runner))).message).to.equal(message(runner.toString()));
    }
    expect([group.keys, snapshot(group).members]).to.deep.equal([[], []]);
    await other.remove('group');
    group.add('other', other);
    expect(group.keys).to.deep.equal(['other']);
  });

  it('resolves the removal of a member that its application no longer waits for', async () => {
    const clock = virtualClock();
    const group = dynamic('group');
    const app = launch([group], { scheduler: clock, timeout: 3, observer: () => undefined });
    group.add('a', task('a', { execute: () => NEVER, finalize: () => NEVER }));
    const stopped = app.stop();
    clock.advance(3);
    await stopped;
    expect((await group.remove('a'))?.status).to.equal('timed-out');
  });
});
