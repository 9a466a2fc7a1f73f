import { expect } from 'chai';
import { NEVER, type Subscription } from 'rxjs';
import { NotRunningError, type TriggerRequest } from 'rxjs-tasks';
import type { Fleet } from 'rxjs-tasks/fleet';
import { memoryFleet, virtualClock } from 'rxjs-tasks/testing';
import { collect } from '../helpers/collect.js';
import { rejectionOf } from '../helpers/rejection.js';

/** Creates two processes of a fleet, on a clock that begins at 0. */
function newProcesses() {
  const clock = virtualClock(0);
  const a = memoryFleet({ scheduler: clock, name: 'a' });
  return { clock, a, b: a.process('b') };
}

/** Requests the lease of a slot. Returns the answers, and the subscription that holds it. */
function request({ coordinator }: Fleet, task: string, slot: number): { answers: unknown[]; held: Subscription } {
  const answers: unknown[] = [];
  const held = coordinator
    .lease(task, slot)
    .subscribe({ next: (answer) => answers.push(answer), complete: () => answers.push('complete') });
  return { answers, held };
}

/** Runs the triggered slots of a cron. Returns the names of the people who have triggered it, and the subscription. */
function follow({ coordinator }: Fleet, task: string): { by: unknown[]; followed: Subscription | undefined } {
  const by: unknown[] = [];
  const onRequest = (trigger: TriggerRequest) => {
    by.push(trigger.by);
    trigger.onOutcome({ slot: 1, trigger: 'manual', status: 'completed', startedAt: 1, endedAt: 2 });
  };
  return { by, followed: coordinator.watchTriggers?.(task).subscribe(onRequest) };
}

describe('The crons of a memoryFleet', () => {
  it('run in one process at a time, each by itself, and each slot once', async () => {
    const { a, b } = newProcesses();
    expect(await a.lastSlot('x')).to.equal(undefined);
    const first = request(a, 'x', 5);
    const answers = (process: Fleet, task: string, slot: number) => request(process, task, slot).answers;
    expect([first.answers, answers(b, 'x', 6), answers(b, 'b', 1)]).to.deep.equal([[true], [false], [true]]);
    const second = request(a, 'x', 7);
    first.held.unsubscribe();
    expect([second.answers, answers(b, 'x', 8)]).to.deep.equal([[true], [false]]);
    second.held.unsubscribe();
    request(a, 'c', 1);
    expect((await a.state()).crons).to.deep.equal([
      { task: 'b', slot: 1, holder: 'b' },
      { task: 'c', slot: 1, holder: 'a' },
      { task: 'x', slot: 7 },
    ]);
    expect([answers(b, 'x', 7), answers(a, 'x', 9), await a.lastSlot('x')]).to.deep.equal([[false], [true], 9]);
  });

  it('run no slot from the begin of each pause to its end', async () => {
    const { clock, a, b } = newProcesses();
    for (const [at, action] of [
      [100, () => a.pause('x', { by: 'ann' })],
      [150, () => b.pause('x', { by: 'bob' })],
      [200, () => b.resume('x')],
      [250, () => b.resume('x')],
      [300, () => a.pause('x')],
      [400, () => a.resume('x')],
    ] as const) {
      clock.advance(at - clock.now());
      await action();
      const paused = { 100: 'ann', 150: 'ann', 300: 'a' }[String(at)];
      expect((await b.state()).paused).to.deep.equal(
        paused === undefined ? [] : [{ task: 'x', by: paused, at: at === 150 ? 100 : at }],
      );
    }
    const answers = [99, 100, 199, 200, 299, 300, 399, 400].map((slot) => {
      const { held, answers: each } = request(b, 'x', slot);
      held.unsubscribe();
      return each;
    });
    expect(answers.flat()).to.deep.equal([true, false, false, true, true, false, false, true]);
    expect(request(b, 'other', 100).answers).to.deep.equal([true]);
  });

  it('emit each change of a pause once, with the person who has made it', async () => {
    const { a, b } = newProcesses();
    const pauses = collect(b.coordinator.watchPause?.('x') ?? NEVER);
    for (const by of ['ann', 'bob']) await a.pause('x', { by });
    for (const by of ['cid', 'dan']) await a.resume('x', { by });
    await a.resume('never paused');
    expect(pauses).to.deep.equal([{ paused: false }, { paused: true, by: 'ann' }, { paused: false, by: 'cid' }]);
  });

  it('run no slot while the fleet is cancelled', async () => {
    const { a, b } = newProcesses();
    await a.cancel('a bad deploy');
    expect(request(b, 'x', 1).answers).to.deep.equal([false]);
    await a.resume();
    expect(request(b, 'x', 1).answers).to.deep.equal([true]);
  });

  it('are triggered in the process that runs them at the moment, or else in the first that has them', async () => {
    const { a, b } = newProcesses();
    const [ax, bx, by] = [follow(a, 'x'), follow(b, 'x'), follow(b, 'y')];
    request(b, 'y', 1);
    expect(await b.trigger('x', { by: 'ann' })).to.deep.equal({
      holder: 'a',
      status: 'completed',
      startedAt: 1,
      endedAt: 2,
    });
    request(b, 'x', 1);
    expect(await a.trigger('x')).to.include({ holder: 'b' });
    expect([ax.by, bx.by, by.by]).to.deep.equal([['ann'], ['a'], []]);
    for (const { followed } of [ax, bx]) followed?.unsubscribe();
    expect(await rejectionOf(a.trigger('x'))).to.be.instanceOf(NotRunningError);
  });

  it('pass from a process that is closed to the others, which keep their own', async () => {
    const { a, b } = newProcesses();
    follow(a, 'x');
    const kept = follow(b, 'y');
    request(a, 'x', 1);
    request(b, 'y', 1);
    await a.close();
    const c = b.process('c');
    expect([request(c, 'x', 2).answers, request(c, 'y', 2).answers]).to.deep.equal([[true], [false]]);
    expect(await rejectionOf(c.trigger('x'))).to.be.instanceOf(NotRunningError);
    await c.trigger('y');
    expect(kept.by).to.deep.equal(['c']);
  });
});
