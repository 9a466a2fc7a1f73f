// Proves what the model of crons (spec/model) does not: the policies match RxJS itself, not a model of them.
import { expect } from 'chai';
import fc from 'fast-check';
import {
  concat,
  concatMap,
  exhaustMap,
  map,
  mergeMap,
  switchMap,
  timer,
  type Observable,
  type OperatorFunction,
} from 'rxjs';
import { cron, task, withCancel, type RunContext } from '../../lib/index.js';
import { virtualClock, type VirtualClock } from '../../lib/testing/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import type { Overlap } from '../helpers/start-cron.js';
import { scaledRuns } from '../helpers/scaled-runs.js';

type Flatten = (run: (slot: number) => Observable<string>) => OperatorFunction<number, string>;
const operators: readonly [Overlap, Flatten][] = [
  ['skip', (run) => exhaustMap((slot) => run(slot))],
  ['bufferAll', (run) => concatMap((slot) => run(slot))],
  ['cancelOther', (run) => switchMap((slot) => run(slot))],
  ['allowAll', (run) => mergeMap((slot) => run(slot))],
];

describe('An overlap policy', () => {
  spyOnConsoleError();

  it('emits what its flattening operator of RxJS emits over the same slots, at the same times', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...operators),
        fc.integer({ min: 2, max: 20 }),
        // No run ends at the instant of a slot, where the order is not defined.
        fc.array(fc.array(fc.integer({ min: 0, max: 70 }), { maxLength: 3 }), { minLength: 1, maxLength: 6 }),
        ([overlap, operator], gap, runs) => {
          const valuesOf = (
            create: (clock: VirtualClock, run: (slot: number) => Observable<string>) => Observable<string>,
          ) => {
            const clock = virtualClock();
            const log: string[] = [];
            const run = (slot: number) => {
              const lengths = runs[(slot / gap) % runs.length] ?? [];
              return concat(
                ...lengths.map((length, k) => timer(length + 1 / 2 ** (k + 2), clock).pipe(map(() => `${slot}.${k}`))),
              );
            };
            create(clock, run).subscribe((value) => log.push(`${clock.now()}: ${value}`));
            clock.advance(12 * gap);
            return log;
          };
          const byCron = valuesOf((clock, run) => {
            const [ctx] = withCancel(undefined, { scheduler: clock });
            const execute = ({ slot = NaN }: RunContext) => run(slot);
            return cron(task('x', execute), gap, { overlap, stopAt: 10 * gap, tolerance: Infinity }).start(ctx);
          });
          const byOperator = valuesOf((clock, run) => {
            const slots = Array.from({ length: 10 }, (_, k) =>
              timer(k === 0 ? 0 : gap, clock).pipe(map(() => k * gap)),
            );
            return concat(...slots).pipe(operator(run));
          });
          expect(byCron).to.deep.equal(byOperator);
        },
      ),
      { numRuns: scaledRuns(1000) },
    );
  });
});
