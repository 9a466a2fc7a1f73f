import { expect } from 'chai';
import type { Context } from '../../lib/index.js';
import type { VirtualClock } from '../../lib/testing/index.js';
import { listenerCount } from './collect.js';

/** Expects that a run has left no listener on its context, and no timer on the clock. */
export function expectNothingLeft(ctx: Context, clock?: VirtualClock): void {
  expect(listenerCount(ctx), 'listeners on the context').to.equal(0);
  if (clock) expect(clock.timers, 'timers').to.equal(0);
}
