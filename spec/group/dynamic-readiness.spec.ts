import { expect } from 'chai';
import { NEVER, timer } from 'rxjs';
import {
  dynamic,
  launch,
  optional,
  ordered,
  supervise,
  task,
  type DynamicGroup,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { eventTypes, forever } from '../helpers/tasks.js';

describe("A dynamic group with readiness 'members'", () => {
  const create = () => dynamic('group', { readiness: 'members' });

  it('is not ready before all members are that were added before its start', () => {
    const clock = virtualClock();
    const group = create();
    const last = forever('last');
    group.add('a', forever('a'));
    group.add('b', task('b', { initialize: () => timer(5, clock), execute: () => NEVER }));
    group.add('c', forever('c'));
    const types = eventTypes(group);
    const app = launch([ordered('app', group, last)], { scheduler: clock, observer: () => undefined });
    expect([group.status, last.status, app.ready]).to.deep.equal(['initializing', 'idle', false]);
    clock.advance(5);
    expect([group.status, last.status, app.ready]).to.deep.equal(['running', 'running', true]);
    // Each member emits one, and so does the group.
    expect(types.filter((type) => type === 'ready')).to.have.length(4);
  });

  it('remains ready when a member is added that is ready as soon as it has started', () => {
    const group = create();
    const readiness: boolean[] = [];
    const app = launch([group], { observer: () => undefined });
    app.ready$.subscribe((ready) => readiness.push(ready));
    const types = eventTypes(group);
    group.add('a', forever('a'));
    expect([types, readiness]).to.deep.equal([['added', 'ready'], [true]]);
  });

  it('is not ready while a member restarts, unless that is optional', () => {
    const seen: boolean[][] = [];
    for (const wrap of [(runner: TaskRunner) => runner, optional]) {
      const clock = virtualClock();
      const group = create();
      const app = launch([group], { scheduler: clock, observer: () => undefined });
      const short = task('short', ({ scheduler }) => timer(5, scheduler));
      group.add('a', wrap(supervise(short, { restart: 'always', backoff: { initial: 5, jitter: 0 } })));
      const ready = [app.ready];
      for (const ms of [6, 5]) {
        clock.advance(ms);
        ready.push(app.ready);
      }
      seen.push(ready);
    }
    expect(seen).to.deep.equal([
      [true, false, true],
      [true, true, true],
    ]);
  });

  it('emits as many events for a new member at any depth of nested groups', () => {
    const events: number[] = [];
    for (const wrap of [(group: TaskRunner) => group, (group: TaskRunner) => supervise(group)]) {
      const root = create();
      const types = eventTypes(root);
      root.start().subscribe();
      let group: DynamicGroup = root;
      for (let level = 0; level < 100; level++) {
        const before = types.length;
        const inner = create();
        group.add('a', wrap(inner));
        group = inner;
        events.push(types.length - before);
      }
    }
    // Those of the member, and `added` of its group.
    expect(new Set(events)).to.deep.equal(new Set([3]));
  });
});
