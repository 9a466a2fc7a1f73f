import { expect } from 'chai';
import { NEVER, Subject, take } from 'rxjs';
import { cron, joinAll, task, taskRunner, withCancel, type Outcome, type TaskRunner } from '../../lib/index.js';
import { writtenDuring } from '../helpers/console-spy.js';
import { forever, outcomeOf, throwing } from '../helpers/tasks.js';

/** Creates a runner whose task starts runners under its context. */
function parentOf(...children: TaskRunner[]): TaskRunner {
  return taskRunner(
    task('parent', (ctx) => {
      for (const child of children) child.start(ctx).subscribe();
      return NEVER;
    }),
  );
}

/** Joins runners without waiting. Returns the outcomes. */
function joinNow(...runners: TaskRunner[]): Outcome[] {
  const [ctx, cancel] = withCancel();
  const outcomes: Outcome[] = [];
  cancel();
  joinAll(ctx, 0, runners).subscribe((outcome) => outcomes.push(outcome));
  return outcomes;
}

const paths = (outcomes: readonly Outcome[] = []) => outcomes.map(({ task: path, status }) => `${path} ${status}`);

describe('A join', () => {
  it('of children is abandoned at its first outcome: the parent waits for the others', () => {
    const [released, close] = [new Subject<never>(), withCancel()];
    const children = ['a', 'b'].map((name) =>
      taskRunner(task(name, { execute: () => NEVER, finalize: () => released })),
    );
    const parent = parentOf(...children);
    const run = parent.start().subscribe();
    run.unsubscribe();
    close[1]();
    joinAll(close[0], 0, children).pipe(take(1)).subscribe();
    expect([parent.status, ...children.map(({ status }) => status)]).to.deep.equal([
      'running',
      'finalizing',
      'finalizing',
    ]);
    released.complete();
    expect(paths(outcomeOf(parent)?.members)).to.deep.equal(['parent/a timed-out', 'parent/b cancelled']);
  });

  it('has the own outcome of a child that has just ended, and has not been removed from its parent', () => {
    const child = forever('child');
    const parent = parentOf(child);
    let joined: Outcome[] = [];
    child.done$.subscribe(() => (joined = joinNow(parent)));
    parent.start().subscribe().unsubscribe();
    expect(paths(joined[0]?.members)).to.deep.equal(['parent/child cancelled']);
  });

  it('does not stop the run that a child has meanwhile begun elsewhere', () => {
    const child = taskRunner(task('child', () => values));
    const values = new Subject<number>();
    const parent = parentOf(child);
    let joined: Outcome[] = [];
    const received: number[] = [];
    const subscription = child.done$.subscribe(() => {
      child.start().subscribe((value) => received.push(value));
      joined = joinNow(parent);
    });
    parent.start().subscribe().unsubscribe();
    subscription.unsubscribe();
    values.next(1);
    expect(received).to.deep.equal([1]);
    expect(paths(joined[0]?.members)).to.deep.equal(['parent/child cancelled']);
  });

  it('of a cron leaves no mark in its last outcome, which has each child once', () => {
    const released = new Subject<never>();
    const child = taskRunner(task('child', { execute: () => NEVER, finalize: () => released }));
    const ticker = cron(
      task('ticker', (ctx) => child.start(ctx)),
      1000,
    );
    ticker.start().subscribe().unsubscribe();
    const [joined] = joinNow(ticker);
    expect([joined?.status, ...paths(joined?.members)]).to.deep.equal(['timed-out', 'ticker/child timed-out']);
    released.complete();
    expect(paths(outcomeOf(ticker)?.members)).to.deep.equal(['ticker/child cancelled']);
  });

  it('does not count as a listener of the end of a run that it has reported as timed-out', async () => {
    const released = new Subject<never>();
    const failing = taskRunner(task('failing', { execute: throwing(), finalize: () => released }));
    const written = await writtenDuring(() => {
      failing.start().subscribe().unsubscribe();
      const [ctx, cancel] = withCancel();
      cancel();
      joinAll(ctx, 0, [failing]).subscribe(() => released.complete());
    });
    expect(written).to.deep.equal([outcomeOf(failing)?.error]);
  });
});
