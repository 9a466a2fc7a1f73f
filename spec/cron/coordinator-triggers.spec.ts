import { expect } from 'chai';
import { concat, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import {
  cron,
  task,
  withCancel,
  type Coordinator,
  type SlotOutcome,
  type TaskEvent,
  type TaskRunner,
  type TriggerRequest,
} from '../../lib/index.js';
import { memoryCoordinator, virtualClock } from '../../lib/testing/index.js';
import { listenerCount } from '../helpers/collect.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { everyTen, startCron, takes, type StartedCron } from '../helpers/start-cron.js';

/** Returns a coordinator that grants all slots, with given triggers. */
function triggeredBy(watchTriggers: () => Observable<TriggerRequest>): Coordinator {
  return { lease: () => concat(of(true), NEVER), watchTriggers };
}

function failuresOf(runner: TaskRunner): string[] {
  const failures: string[] = [];
  runner.events$.subscribe(
    (event: TaskEvent) =>
      event.type === 'option-failed' && failures.push(`${event.option} ${(event.error as Error).message}`),
  );
  return failures;
}

describe('A trigger of a cron by its coordinator', () => {
  const written = spyOnConsoleError();

  it('runs the cron as a call of its own `trigger` does, paused or not', async () => {
    const coordinator = memoryCoordinator();
    const { clock, log, emitted } = startCron(takes(15), everyTen, { coordinator });
    clock.advance(10);
    expect(await coordinator.trigger('x', { by: 'ann' })).to.include({ status: 'skipped', reason: 'overlap' });
    coordinator.pause('x');
    clock.advance(15);
    const triggered = coordinator.trigger('x');
    clock.advance(15);
    expect(await triggered).to.include({ slot: 25, trigger: 'manual', status: 'completed', endedAt: 40 });
    expect(emitted).to.deep.equal([10, 25]);
    expect(log).to.deep.equal([
      '10: started 10',
      '10: triggered 10 by ann',
      '10: skipped 10 overlap',
      '10: paused',
      '25: triggered 25',
      '25: started 25',
    ]);
  });

  it('is skipped in an abort listener of the context whose cancel stops the cron', async () => {
    const coordinator = memoryCoordinator();
    const [ctx, cancel] = withCancel(undefined, { scheduler: virtualClock() });
    let triggered: Promise<SlotOutcome> | undefined;
    ctx.cancelled$.subscribe(() => {
      triggered = coordinator.trigger('x');
    });
    const runner = cron(task('x', takes(1)), everyTen, { coordinator });
    runner.start(ctx).subscribe();
    cancel();
    expect(await triggered).to.deep.equal({ slot: 0, trigger: 'manual', status: 'skipped', reason: 'ended' });
    expect(runner.history).to.deep.equal({ runs: 0, failures: 0, skipped: 1, missed: 0 });
  });

  it('goes to one of several crons, and to the next one when the first has ended', async () => {
    const coordinator = memoryCoordinator();
    const [first, second] = [
      startCron(() => 'first', everyTen, { coordinator }),
      startCron(() => 'second', everyTen, { coordinator }),
    ];
    await coordinator.trigger('x');
    first.cancel();
    await coordinator.trigger('x');
    expect([first.emitted, second.emitted]).to.deep.equal([['first', 'complete'], ['second']]);
  });

  it('has the outcome of a run that fails, and of one that waits when the cron ends', async () => {
    const coordinator = memoryCoordinator();
    const failing = startCron(() => throwError(() => new Error('boom')), everyTen, { coordinator });
    const { status, error } = await coordinator.trigger('x');
    expect([status, (error?.cause as Error).message]).to.deep.equal(['failed', 'boom']);
    failing.cancel();
    const { cancel } = startCron(() => NEVER, everyTen, { coordinator, overlap: 'bufferOne' });
    const outcomes = [coordinator.trigger('x'), coordinator.trigger('x')];
    cancel();
    expect((await Promise.all(outcomes)).map(({ status, reason }) => [status, reason])).to.deep.equal([
      ['cancelled', undefined],
      ['skipped', 'ended'],
    ]);
  });

  it('is not received before the start and after the end', () => {
    const trigger$ = new Subject<TriggerRequest>();
    const coordinator = triggeredBy(() => trigger$);
    const runner = cron(
      task('x', () => 1),
      everyTen,
      { coordinator },
    );
    expect(trigger$.observed).to.equal(false);
    const ends: ((started: StartedCron<number>) => void)[] = [
      ({ clock }) => clock.advance(100),
      ({ cancel }) => cancel(),
    ];
    for (const end of ends) {
      const started = startCron(() => 1, everyTen, { coordinator, maxRuns: 2 });
      expect(trigger$.observed).to.equal(true);
      end(started);
      expect([trigger$.observed, started.clock.timers, listenerCount(started.ctx)]).to.deep.equal([false, 0, 0]);
    }
    const [ctx] = withCancel(undefined, { scheduler: virtualClock() });
    runner.start(ctx).subscribe().unsubscribe();
    expect([trigger$.observed, listenerCount(ctx)]).to.deep.equal([false, 0]);
  });

  it('may arrive at the subscription, and counts towards `maxRuns`', async () => {
    const outcomes: SlotOutcome[] = [];
    const request: TriggerRequest = { by: 'ann', onOutcome: (outcome) => outcomes.push(outcome) };
    const { log } = startCron(() => 1, everyTen, {
      coordinator: triggeredBy(() => of(request, request)),
      maxRuns: 1,
    });
    await Promise.resolve();
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['completed']);
    expect(log).to.deep.equal(['0: triggered 0 by ann', '0: started 0', '0: done completed']);
  });

  it('is read by a method call with the name of the task', () => {
    class Triggering implements Coordinator {
      readonly asked: string[] = [];
      lease(): Observable<boolean> {
        return NEVER;
      }
      watchTriggers(name: string): Observable<TriggerRequest> {
        this.asked.push(name);
        return NEVER;
      }
    }
    const coordinator = new Triggering();
    startCron(() => 1, everyTen, { coordinator });
    expect(coordinator.asked).to.deep.equal(['x']);
  });

  it('that is malformed is an event, as are errors of the coordinator', async () => {
    const trigger$ = new Subject<TriggerRequest>();
    const { runner, log } = startCron(() => 1, everyTen, { coordinator: triggeredBy(() => trigger$) });
    const failures = failuresOf(runner);
    const onOutcome = () => undefined;
    for (const value of [true, null, {}, { onOutcome: 1 }, { onOutcome, by: 1 }]) trigger$.next(value as never);
    expect([failures.length, log]).to.deep.equal([5, []]);
    expect(failures[0]).to.equal(
      'coordinator.watchTriggers Expected `coordinator.watchTriggers` to be a stream of objects with `onOutcome`, ' +
        'got `true` (boolean)',
    );
    const refuse = () => {
      throw new Error('refused');
    };
    trigger$.next({ onOutcome: refuse });
    await new Promise(setImmediate);
    trigger$.error(new Error('gone'));
    expect(failures.slice(5)).to.deep.equal(['coordinator.watchTriggers refused', 'coordinator.watchTriggers gone']);
  });

  it('has an error of the coordinator on the console if nothing listens, and the cron goes on', () => {
    const coordinator = triggeredBy(() => throwError(() => new Error('gone')));
    const runner = cron(
      task('x', () => 1),
      everyTen,
      { coordinator },
    );
    const clock = virtualClock();
    runner.start(withCancel(undefined, { scheduler: clock })[0]).subscribe();
    clock.advance(10);
    expect(runner.history.runs).to.equal(1);
    expect(written.all().map(String)).to.deep.equal([
      'Cron x: 1 failure of `coordinator.watchTriggers`',
      'Error: gone',
    ]);
  });

  it('is refused as an option that is not a function', () => {
    for (const watchTriggers of [null, 1, 'x'])
      expect(() => startCron(() => 1, 10, { coordinator: { lease: () => NEVER, watchTriggers } as never })).to.throw(
        TypeError,
        'Expected `coordinator.watchTriggers` to be a function',
      );
  });
});
