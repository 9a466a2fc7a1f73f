import { expect } from 'chai';
import { Subject } from 'rxjs';
import sinon from 'sinon';
import { EmptyClaims } from '../../lib/fleet/empty-claims.js';

describe('Messages about new jobs', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /** A worker whose claims find as many jobs as `found` returns. */
  function connect(found: () => number) {
    const claims = new EmptyClaims();
    const messages$ = new Subject<undefined>();
    const times: number[] = [];
    messages$.pipe(claims.limit()).subscribe(() => {
      times.push(Date.now());
      claims.record(found());
    });
    return { messages$, times };
  }

  it('each make the worker claim at once while it finds jobs', () => {
    const { messages$, times } = connect(() => 1);
    for (let ms = 0; ms < 1000; ms++) {
      messages$.next(undefined);
      clock.tick(1);
    }
    expect(times).to.have.length(1000);
  });

  it('seldom make it claim when too many of them were in vain, and the last one does', () => {
    const { messages$, times } = connect(() => 0);
    for (let ms = 0; ms < 1000; ms++) {
      messages$.next(undefined);
      messages$.next(undefined);
      clock.tick(1);
    }
    expect(times.length).to.be.below(150);
    messages$.next(undefined);
    clock.tick(1000);
    expect(times.at(-1)).to.be.within(1000, 1050);
    expect(clock.countTimers()).to.equal(0);
  });

  it('each make it claim at once until eight of them within 100 ms were in vain', () => {
    for (const [pauseMs, count] of [
      [10, 8],
      [14, 8],
      [15, 20],
    ] as const) {
      const { messages$, times } = connect(() => 0);
      const startedAt = Date.now();
      for (let sent = 0; sent < 20; sent++) {
        messages$.next(undefined);
        clock.tick(pauseMs);
      }
      const atOnce = times.filter((time, index) => time === startedAt + index * pauseMs).length;
      expect([pauseMs, atOnce]).to.deep.equal([pauseMs, count]);
    }
  });

  it('make it claim at once again after a pause', () => {
    const { messages$, times } = connect(() => 0);
    for (let count = 0; count < 100; count++) messages$.next(undefined);
    clock.tick(1000);
    const before = times.length;
    messages$.next(undefined);
    expect(times.length).to.equal(before + 1);
  });
});
