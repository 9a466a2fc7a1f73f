import { expect } from 'chai';
import sinon from 'sinon';
import { sharedState, type FleetStateSource } from '../../lib/inspect/server/fleet-state-source.js';
import { exampleFleet } from '../helpers/example-fleet.js';

describe('The shared state of a fleet', () => {
  let now: number;
  let queries: ((error?: Error) => void)[];
  const source: FleetStateSource = {
    state: () =>
      new Promise((resolve, reject) => queries.push((error) => (error ? reject(error) : resolve(exampleFleet())))),
  };
  const settled = (answers: readonly Promise<unknown>[]) =>
    Promise.allSettled(answers).then((results) => results.map(({ status }) => status));

  beforeEach(() => {
    now = 0;
    queries = [];
  });

  it('is queried once at a time, however long the query takes', async () => {
    const state = sharedState(source, () => now);
    const answers = Array.from({ length: 20 }, () => state());
    now += 1100;
    answers.push(state());
    expect(queries).to.have.length(1);
    queries[0]?.();
    expect(await settled(answers)).to.deep.equal(Array(21).fill('fulfilled'));
  });

  it('is queried at most once a second, also after a failure', async () => {
    const state = sharedState(source, () => now);
    const first = state();
    queries[0]?.();
    await first;
    now += 999;
    await state();
    expect(queries).to.have.length(1);
    now += 1;
    const second = state();
    expect(queries).to.have.length(2);
    queries[1]?.(new Error('gone'));
    expect(await settled([second, state()])).to.deep.equal(['rejected', 'rejected']);
    expect(queries).to.have.length(2);
  });

  it('is queried again when the clock was set back', async () => {
    const state = sharedState(source, () => now);
    const first = state();
    queries[0]?.();
    await first;
    now -= 1;
    void state();
    expect(queries).to.have.length(2);
  });

  it('rejects after 5 s without an answer and does not repeat a pending query', async () => {
    const timers = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const state = sharedState(source, () => now);
      const messageOf = (answer: Promise<unknown>) => answer.catch((error: unknown) => (error as Error).message);
      const first = messageOf(state());
      timers.tick(5000);
      expect(await first).to.equal('no answer for 5 s');
      now += 1100;
      expect(await messageOf(state())).to.equal('no answer for 5 s');
      expect(queries).to.have.length(1);
    } finally {
      timers.restore();
    }
  });
});
