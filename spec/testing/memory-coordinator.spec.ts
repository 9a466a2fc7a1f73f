import { expect } from 'chai';
import { take, type Subscription } from 'rxjs';
import { memoryCoordinator, type MemoryCoordinator } from '../../lib/testing/index.js';
import { collect } from '../helpers/collect.js';

/** Asks for a lease, and gives what has been answered so far. */
function ask(coordinator: MemoryCoordinator, task: string, slot: number): { answers: boolean[]; leave: Subscription } {
  const answers: boolean[] = [];
  return { answers, leave: coordinator.lease(task, slot).subscribe((answer) => answers.push(answer)) };
}

describe('memoryCoordinator', () => {
  it('grants a slot to the first that asks, and refuses all others', () => {
    const coordinator = memoryCoordinator();
    const [a, b, c] = [1, 1, 1].map((slot) => ask(coordinator, 'x', slot));
    expect([a?.answers, b?.answers, c?.answers]).to.deep.equal([[true], [false], [false]]);
  });

  it('grants a slot once, though its lease has been left', () => {
    const coordinator = memoryCoordinator();
    ask(coordinator, 'x', 1).leave.unsubscribe();
    expect(ask(coordinator, 'x', 1).answers).to.deep.equal([false]);
  });

  it('grants none that is not after the last one it granted', () => {
    const coordinator = memoryCoordinator();
    const slots = [5, 4, 5, 6, -1, 7, 6].map((slot) => [slot, ask(coordinator, 'x', slot).answers[0]]);
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

  it('takes each task for itself, and each coordinator too', () => {
    const coordinator = memoryCoordinator();
    expect(['a', 'b', 'a'].map((name) => ask(coordinator, name, 0).answers[0])).to.deep.equal([true, true, false]);
    expect(ask(memoryCoordinator(), 'a', 0).answers).to.deep.equal([true]);
  });

  it('asks nothing until it is subscribed to', () => {
    const coordinator = memoryCoordinator();
    const first = coordinator.lease('x', 1);
    expect(ask(coordinator, 'x', 1).answers).to.deep.equal([true]);
    const told: unknown[] = [];
    first.subscribe((answer) => told.push(answer)).unsubscribe();
    expect(told).to.deep.equal([false]);
  });

  it('holds a lease until it is left, and neither ends nor fails', () => {
    const coordinator = memoryCoordinator();
    const told = [collect(coordinator.lease('x', 1)), collect(coordinator.lease('x', 1))];
    const { leave } = ask(coordinator, 'y', 2);
    expect(coordinator.held).to.deep.equal(['x@1', 'y@2']);
    leave.unsubscribe();
    expect(coordinator.held).to.deep.equal(['x@1']);
    expect(told).to.deep.equal([[true], [false]]);
  });

  it('holds no lease that is left at the grant itself', () => {
    const coordinator = memoryCoordinator();
    coordinator.lease('x', 1).pipe(take(1)).subscribe();
    expect(coordinator.held).to.deep.equal([]);
  });

  it('takes a lease back from whoever holds it, and from nobody else', () => {
    const coordinator = memoryCoordinator();
    const [one, two, other] = [ask(coordinator, 'x', 1), ask(coordinator, 'x', 2), ask(coordinator, 'y', 1)];
    coordinator.revoke('x', 1);
    coordinator.revoke('x', 3);
    coordinator.revoke('z', 1);
    expect([one.answers, two.answers, other.answers]).to.deep.equal([[true, false], [true], [true]]);
    one.leave.unsubscribe();
    coordinator.revoke('x', 1);
    expect(one.answers).to.deep.equal([true, false]);
    // Taken back is not free.
    expect(ask(coordinator, 'x', 1).answers).to.deep.equal([false]);
  });

  it('gives what is held as it is now, not as it changes', () => {
    const coordinator = memoryCoordinator();
    const before = coordinator.held;
    ask(coordinator, 'x', 1);
    expect([before, coordinator.held]).to.deep.equal([[], ['x@1']]);
  });
});
