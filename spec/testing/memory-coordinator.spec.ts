import { expect } from 'chai';
import { take, type Subscription } from 'rxjs';
import { memoryCoordinator, type MemoryCoordinator } from '../../lib/testing/index.js';
import { NotRunningError } from '../../lib/index.js';
import { collect } from '../helpers/collect.js';
import { rejectionOf } from '../helpers/rejection.js';

/** Requests a lease. Returns the answers so far and the subscription. */
function request(
  coordinator: MemoryCoordinator,
  task: string,
  slot: number,
): { answers: boolean[]; subscription: Subscription } {
  const answers: boolean[] = [];
  return { answers, subscription: coordinator.lease(task, slot).subscribe((answer) => answers.push(answer)) };
}

describe('memoryCoordinator', () => {
  it('grants a slot to the first request and denies all others', () => {
    const coordinator = memoryCoordinator();
    const [a, b, c] = [1, 1, 1].map((slot) => request(coordinator, 'x', slot));
    expect([a?.answers, b?.answers, c?.answers]).to.deep.equal([[true], [false], [false]]);
  });

  it('grants a slot only once, even after its lease was released', () => {
    const coordinator = memoryCoordinator();
    request(coordinator, 'x', 1).subscription.unsubscribe();
    expect(request(coordinator, 'x', 1).answers).to.deep.equal([false]);
  });

  it('denies slots that are not later than the last granted one', () => {
    const coordinator = memoryCoordinator();
    const slots = [5, 4, 5, 6, -1, 7, 6].map((slot) => [slot, request(coordinator, 'x', slot).answers[0]]);
    expect(slots).to.deep.equal([
      [5, true],
      [4, false],
      [5, false],
      [6, true],
      [-1, false],
      [7, true],
      [6, false],
    ]);
  });

  it('grants leases for each task and in each coordinator separately', () => {
    const coordinator = memoryCoordinator();
    expect(['a', 'b', 'a'].map((name) => request(coordinator, name, 0).answers[0])).to.deep.equal([true, true, false]);
    expect(request(memoryCoordinator(), 'a', 0).answers).to.deep.equal([true]);
  });

  it('requests no lease before it is subscribed to', () => {
    const coordinator = memoryCoordinator();
    const first = coordinator.lease('x', 1);
    expect(request(coordinator, 'x', 1).answers).to.deep.equal([true]);
    const answers: unknown[] = [];
    first.subscribe((answer) => answers.push(answer)).unsubscribe();
    expect(answers).to.deep.equal([false]);
  });

  it('holds a lease until it is unsubscribed, without a completion or an error', () => {
    const coordinator = memoryCoordinator();
    const answers = [collect(coordinator.lease('x', 1)), collect(coordinator.lease('x', 1))];
    const { subscription } = request(coordinator, 'y', 2);
    expect(coordinator.held).to.deep.equal(['x@1', 'y@2']);
    subscription.unsubscribe();
    expect(coordinator.held).to.deep.equal(['x@1']);
    expect(answers).to.deep.equal([[true], [false]]);
  });

  it('holds no lease that is unsubscribed by the grant', () => {
    const coordinator = memoryCoordinator();
    coordinator.lease('x', 1).pipe(take(1)).subscribe();
    expect(coordinator.held).to.deep.equal([]);
  });

  it('revokes a lease from its holder only', () => {
    const coordinator = memoryCoordinator();
    const [first, second, other] = [
      request(coordinator, 'x', 1),
      request(coordinator, 'x', 2),
      request(coordinator, 'y', 1),
    ];
    coordinator.revoke('x', 1);
    coordinator.revoke('x', 3);
    coordinator.revoke('z', 1);
    expect([first.answers, second.answers, other.answers]).to.deep.equal([[true, false], [true], [true]]);
    first.subscription.unsubscribe();
    coordinator.revoke('x', 1);
    expect(first.answers).to.deep.equal([true, false]);
    // A revoked slot is not granted again.
    expect(request(coordinator, 'x', 1).answers).to.deep.equal([false]);
  });

  it('returns a snapshot of the held leases', () => {
    const coordinator = memoryCoordinator();
    const before = coordinator.held;
    request(coordinator, 'x', 1);
    expect([before, coordinator.held]).to.deep.equal([[], ['x@1']]);
  });

  describe('that pauses a task', () => {
    /** Collects the pauses of a task as `paused` or `running`, with the person who has asked. */
    const pausesOf = (coordinator: MemoryCoordinator, task: string) => {
      const pauses: string[] = [];
      const subscription = coordinator
        .watchPause(task)
        .subscribe(({ paused, by }) =>
          pauses.push(`${paused ? 'paused' : 'running'}${by === undefined ? '' : ` ${by}`}`),
        );
      return { pauses, subscription };
    };

    it('emits the current pause of the task, and each change once', () => {
      const coordinator = memoryCoordinator();
      const early = pausesOf(coordinator, 'x');
      coordinator.resume('x');
      coordinator.pause('x', { by: 'ann' });
      coordinator.pause('x', { by: 'bob' });
      const [late, other] = [pausesOf(coordinator, 'x'), pausesOf(coordinator, 'y')];
      coordinator.resume('x', { by: 'bob' });
      late.subscription.unsubscribe();
      coordinator.pause('x');
      expect([early.pauses, late.pauses, other.pauses]).to.deep.equal([
        ['running', 'paused ann', 'running bob', 'paused'],
        ['paused ann', 'running bob'],
        ['running'],
      ]);
    });

    it('ends with the last change for all subscribers when one of them makes a change', () => {
      const coordinator = memoryCoordinator();
      coordinator.watchPause('x').subscribe(({ paused }) => paused && coordinator.resume('x'));
      const { pauses } = pausesOf(coordinator, 'x');
      coordinator.pause('x');
      expect(pauses.at(-1)).to.equal('running');
    });

    it('still grants the slots that are requested, because a cron requests none that comes due during a pause', () => {
      const coordinator = memoryCoordinator();
      coordinator.pause('x');
      expect(request(coordinator, 'x', 1).answers).to.deep.equal([true]);
    });

    it('refuses options that it does not know, and a name that is not a string', () => {
      const coordinator = memoryCoordinator();
      expect(() => coordinator.pause('x', { by: 1 } as never)).to.throw('Expected `by` to be a string');
      for (const method of ['pause', 'resume'] as const)
        expect(() => coordinator[method]('x', { who: 'ann' } as never)).to.throw(
          `Expected an option of \`${method}\`, got \`who\``,
        );
    });
  });

  it('emits a trigger to the first subscriber of its task, and rejects without one', async () => {
    const coordinator = memoryCoordinator();
    const outcome = { slot: 1, trigger: 'manual', status: 'completed' } as const;
    const received: unknown[] = [];
    const follow = (name: string, task: string) =>
      coordinator.watchTriggers(task).subscribe((request) => {
        received.push([name, request.by]);
        request.onOutcome(outcome);
      });
    const [first] = [follow('first', 'x'), follow('second', 'x'), follow('other', 'y')];
    expect(await coordinator.trigger('x', { by: 'ann' })).to.equal(outcome);
    first.unsubscribe();
    await coordinator.trigger('x');
    expect(received).to.deep.equal([
      ['first', 'ann'],
      ['second', undefined],
    ]);
    expect(await rejectionOf(coordinator.trigger('z'))).to.be.an.instanceOf(NotRunningError);
    expect((await rejectionOf(coordinator.trigger('x', { who: 'ann' } as never))).message).to.include(
      'Expected an option of `trigger`, got `who`',
    );
  });
});
