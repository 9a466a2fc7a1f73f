import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { unfinishedTasks } from '../../lib/app/unfinished-tasks.js';
import {
  critical,
  dynamic,
  launch,
  optional,
  ordered,
  parallel,
  supervise,
  task,
  taskRunner,
  type Runnable,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';

type Ended = Parameters<typeof unfinishedTasks>[0];
interface Named extends Ended {
  readonly task: string;
  readonly members?: readonly Named[];
}

const server = task('server', () => NEVER);
const namesOf = (outcome: Named) => unfinishedTasks(outcome).map(({ task }) => task);

describe('unfinishedTasks', () => {
  it('replaces a group by its members that timed out', () => {
    const group = (task: string, ...members: Named[]): Named => ({ task, status: 'timed-out', members });
    const leaf = (task: string, status = 'timed-out'): Named => ({ task, status });
    expect(namesOf(group('app', leaf('a'), leaf('b', 'cancelled'), group('c', leaf('d'))))).to.deep.equal(['a', 'd']);
    expect(namesOf(leaf('a', 'completed'))).to.deep.equal([]);
  });

  it('names a task whose children have ended, and one that hangs in its own hook beside a child', () => {
    const children = { started: 1, failed: 0 };
    const parent = (fields: Partial<Named>, status: string): Named => ({
      task: 'http',
      status: 'timed-out',
      children,
      members: [{ task: 'job', status }],
      ...fields,
    });
    expect(namesOf(parent({ phase: 'execute' }, 'cancelled'))).to.deep.equal(['http']);
    expect(namesOf(parent({ phase: 'execute' }, 'timed-out'))).to.deep.equal(['http', 'job']);
    expect(namesOf(parent({}, 'timed-out'))).to.deep.equal(['job']);
  });

  it('names the member of a group that hangs, with its hook, and not the group, of whatever kind it is', async () => {
    const hangs = task('x', { execute: () => NEVER, finalize: () => NEVER });
    const group = (...members: Runnable[]) => {
      const created = dynamic('d');
      for (const member of members) created.add(String(member), member);
      return created;
    };
    const parent = task('x', (ctx) => {
      taskRunner(hangs).start(ctx).subscribe();
      return NEVER;
    });
    for (const [make, expected] of [
      [() => parallel('d', hangs, server), 'd/x (finalize)'],
      [() => group(hangs, server), 'd/x (finalize)'],
      [() => group(ordered('o', hangs)), 'd/o/x (finalize)'],
      [() => group(group(hangs), server), 'd/d/x (finalize)'],
      [() => ordered('o', optional(group(hangs)), supervise(server)), 'o/d/x (finalize)'],
      [() => supervise(group(supervise(hangs))), 'd/x (finalize)'],
      [() => critical(parent), 'x/x (finalize)'],
      [() => group(critical(parent)), 'd/x/x (finalize)'],
    ] as const) {
      const clock = virtualClock();
      const app = launch([make()], { scheduler: clock, observer: () => undefined, timeout: 5 });
      const stopped = app.stop();
      clock.advance(5);
      const { outcomes } = await stopped;
      const unfinished = outcomes.flatMap(unfinishedTasks);
      expect(unfinished.map(({ task: name, phase }) => `${name} (${phase})`)).to.deep.equal([expected]);
    }
  });

  it('finds a task that is nested 20,000 levels deep', () => {
    let outcome: Named = { task: 'leaf', status: 'timed-out' };
    for (let level = 0; level < 20_000; level++) outcome = { task: 'group', status: 'timed-out', members: [outcome] };
    expect(namesOf(outcome)).to.deep.equal(['leaf']);
  });
});
