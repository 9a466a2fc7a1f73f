import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import sinon from 'sinon';
import { Hints } from '../../lib/fleet/hints.js';

describe('Hints from messages', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /** Hints whose checks are recorded. */
  function recorded(isTrue: (hint: string) => boolean) {
    const checks: { at: number; hints: readonly string[] }[] = [];
    const hints = new Hints<string>((batch) => {
      checks.push({ at: Date.now(), hints: batch });
      return Promise.resolve(batch.some(isTrue));
    });
    return { hints, checks };
  }

  it('are checked together and once each, at once', async () => {
    const { hints, checks } = recorded(() => true);
    for (const hint of ['a', 'b', 'a', 'c', 'b']) hints.add(hint, hint);
    expect(hints.busy).to.equal(true);
    await clock.tickAsync(0);
    expect(checks).to.deep.equal([{ at: 0, hints: ['a', 'b', 'c'] }]);
    expect(hints.busy).to.equal(false);
    hints.add('a', 'a');
    await clock.tickAsync(0);
    expect(checks[1]).to.deep.equal({ at: 0, hints: ['a'] });
  });

  it('are checked every 50 ms while none of them is true, however many there are', async () => {
    const { hints, checks } = recorded(() => false);
    for (let ms = 0; ms < 1000; ms++) {
      for (let count = 0; count < 20; count++) hints.add('work', 'work');
      await clock.tickAsync(1);
    }
    expect(checks.length).to.be.within(19, 21);
    await clock.tickAsync(1000);
    expect([hints.busy, clock.countTimers()]).to.deep.equal([false, 0]);
  });

  it('are delayed by forged ones for 50 ms at most', async () => {
    const { hints, checks } = recorded((hint) => hint === 'true');
    hints.add('forged', 'forged');
    await clock.tickAsync(1);
    hints.add('true', 'true');
    await clock.tickAsync(50);
    expect(checks.map(({ hints: batch }) => batch)).to.deep.equal([['forged'], ['true']]);
  });

  it('are checked 500 at a time, and dropped beyond 20,000', async () => {
    const { hints, checks } = recorded(() => true);
    for (let n = 0; n < 30_000; n++) hints.add(`${n}`, `${n}`);
    await clock.tickAsync(0);
    expect(checks).to.have.length(40);
    expect(checks.every(({ hints: batch }) => batch.length === 500)).to.equal(true);
    expect(checks[39]?.hints.at(-1)).to.equal('19999');
  });

  it('are checked in the AsyncLocalStorage store of none of their senders', async () => {
    const store = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const hints = new Hints<string>(() => Promise.resolve(seen.push(store.getStore()) > 0));
    store.run('a', () => hints.add('a', 'a'));
    await clock.tickAsync(0);
    expect(seen).to.deep.equal([undefined]);
  });
});
