import { expect } from 'chai';
import { concat, finalize, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import { cron, task, withCancel, type Coordinator, type TaskRunner } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { unhandledDuring } from '../helpers/collect.js';
import { everyTen, startCron, takes } from '../helpers/start-cron.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';

const boom = new Error('boom');
const throwBoom = () => {
  throw boom;
};

/** The teardown of a stream that ends with the stream is called in another way than that of one which is left. */
const withFinalize = (answer$: Observable<boolean>) => answer$.pipe(finalize(throwBoom));
const withTeardown = (answer$: Observable<boolean>) =>
  new Observable<boolean>((subscriber) => {
    answer$.subscribe(subscriber);
    return throwBoom;
  });

describe('A coordinator whose lease throws in its teardown', () => {
  const consoleErrors = spyOnConsoleError();
  const answers: Record<string, { readonly answer$: Observable<boolean>; readonly log: readonly string[] }> = {
    'after a grant': {
      answer$: concat(of(true), NEVER),
      log: ['10: started 10', '20: started 20', '30: started 30'],
    },
    'after a grant that completes': {
      answer$: of(true),
      log: ['10: started 10', '20: started 20', '30: started 30'],
    },
    'after a refusal': {
      answer$: concat(of(false), NEVER),
      log: ['10: skipped 10 refused', '20: skipped 20 refused', '30: skipped 30 refused'],
    },
    'after a refusal that completes': {
      answer$: of(false),
      log: ['10: skipped 10 refused', '20: skipped 20 refused', '30: skipped 30 refused'],
    },
    'after a revocation': {
      answer$: of(true, false),
      log: [10, 20, 30].flatMap((slot) => [
        `${slot}: started ${slot}`,
        `${slot}: revoked ${slot} by CancelledError: The lease was revoked`,
      ]),
    },
    'after an error': {
      answer$: throwError(() => new Error('no')),
      log: [10, 20, 30].map((slot) => `${slot}: skipped ${slot} coordinator (Error: no)`),
    },
    'after an error that follows a grant': {
      answer$: concat(
        of(true),
        throwError(() => new Error('no')),
      ),
      log: [10, 20, 30].flatMap((slot) => [`${slot}: started ${slot}`, `${slot}: revoked ${slot} by Error: no`]),
    },
    'after no answer': {
      answer$: new Observable((subscriber) => subscriber.complete()),
      log: [10, 20, 30].map(
        (slot) => `${slot}: skipped ${slot} coordinator (Error: The coordinator gave no answer for x)`,
      ),
    },
  };
  for (const [title, { answer$, log: expected }] of Object.entries(answers))
    for (const [kind, wrap] of Object.entries({ finalize: withFinalize, teardown: withTeardown }))
      it(`${title} keeps no slot from running (${kind})`, async () => {
        const errors = await unhandledDuring(() => {
          const { clock, log, runner, cancel } = startCron(takes(3), everyTen, {
            coordinator: { lease: () => wrap(answer$) },
          });
          const failures = teardownFailures(runner);
          clock.advance(35);
          cancel();
          expect(log.slice(0, -1)).to.deep.equal(expected);
          expect(failures).to.deep.equal([10, 20, 30]);
          expect([runner.status, clock.timers]).to.deep.equal(['done', 0]);
        });
        expect(errors).to.deep.equal([]);
      });

  it('is reported when the answer comes later', async () => {
    const errors = await unhandledDuring(() => {
      for (const end of ['refuse', 'complete', 'error', 'grant and complete', 'grant and revoke'] as const) {
        const answers = new Map<number, Subject<boolean>>();
        const lease: Coordinator['lease'] = (_, slot) => {
          const answer = new Subject<boolean>();
          answers.set(slot, answer);
          return withTeardown(answer);
        };
        const { clock, runner, cancel } = startCron(takes(3), everyTen, { coordinator: { lease } });
        const failures = teardownFailures(runner);
        clock.advance(11);
        const answer = answers.get(10);
        if (end.startsWith('grant')) answer?.next(true);
        if (end === 'refuse' || end === 'grant and revoke') answer?.next(false);
        if (end.endsWith('complete')) answer?.complete();
        if (end === 'error') answer?.error(new Error('no'));
        clock.advance(10);
        expect([failures, [...answers.keys()]], end).to.deep.equal([[10], [10, 20]]);
        cancel();
        expect([failures, runner.status, clock.timers], end).to.deep.equal([[10, 20], 'done', 0]);
      }
    });
    expect(errors).to.deep.equal([]);
  });

  it('is reported when a waiting slot is cancelled', () => {
    const { clock, runner, cancel, emitted } = startCron(() => 1, everyTen, {
      coordinator: { lease: () => withTeardown(NEVER) },
    });
    const failures = teardownFailures(runner);
    clock.advance(15);
    cancel();
    expect([failures, emitted, runner.status]).to.deep.equal([[10], ['complete'], 'done']);
  });

  it('is written to the console when nobody listens to events', () => {
    const errors = consoleErrors.during(() => {
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      const coordinator = { lease: () => withTeardown(of(true)) };
      cron(
        task('x', () => 1),
        everyTen,
        { coordinator },
      )
        .start(ctx)
        .subscribe();
      clock.advance(10);
      cancel();
    });
    expect(errors).to.deep.equal([boom]);
  });
});

function teardownFailures(runner: TaskRunner): (number | undefined)[] {
  const slots: (number | undefined)[] = [];
  runner.events$.subscribe((event) => {
    if (event.type !== 'teardown-failed') return;
    expect(event.error).to.equal(boom);
    slots.push(event.slot);
  });
  return slots;
}
