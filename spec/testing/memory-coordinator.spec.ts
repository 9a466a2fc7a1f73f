import { expect } from 'chai';
import { take, type Subscription } from 'rxjs';
import { memoryCoordinator, type MemoryCoordinator } from '../../lib/testing/index.js';
import { collect } from '../helpers/collect.js';

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
});
