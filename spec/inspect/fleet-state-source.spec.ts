import { expect } from 'chai';
import sinon from 'sinon';
import { shareFleet, type FleetStateSource } from '../../lib/inspect/server/fleet-state-source.js';
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
    const { current: state } = shareFleet(source, () => now);
    const answers = Array.from({ length: 20 }, () => state());
    now += 1100;
    answers.push(state());
    expect(queries).to.have.length(1);
    queries[0]?.();
    expect(await settled(answers)).to.deep.equal(Array(21).fill('fulfilled'));
  });

  it('is queried at most once a second, also after a failure', async () => {
    const { current: state } = shareFleet(source, () => now);
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

  it('is queried less often while it takes long', async () => {
    const { current: state } = shareFleet(source, () => now);
    const first = state();
    now += 1000;
    queries[0]?.();
    await first;
    now += 3999;
    await state();
    expect(queries).to.have.length(1);
    now += 1;
    void state();
    expect(queries).to.have.length(2);
  });

  it('is the last known one, with its age and the reason, while there is no answer', async () => {
    const { lastKnown } = shareFleet(source, () => now);
    const never = lastKnown();
    queries[0]?.(new Error('gone'));
    expect(await settled([never])).to.deep.equal(['rejected']);
    now += 1000;
    const first = lastKnown();
    queries[1]?.();
    const { members } = await first;
    now += 5000;
    const second = lastKnown();
    queries[2]?.(new Error('gone'));
    const { stale, ...state } = await second;
    expect(stale).to.deep.equal({ error: 'The fleet does not answer: gone', ageMs: 5000 });
    expect(state).to.deep.include({ members, schema: 'shop' });
    now += 1000;
    const third = lastKnown();
    queries[3]?.();
    expect(await third).not.to.have.property('stale');
  });

  it('is queried again when the clock was set back', async () => {
    const { current: state } = shareFleet(source, () => now);
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
      const { current: state } = shareFleet(source, () => now);
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
