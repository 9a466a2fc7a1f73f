import { expect } from 'chai';
import sinon from 'sinon';
import { changeOnce } from '../../lib/fleet/change-once.js';
import { fakeDatabase } from '../helpers/fake-database.js';

describe('A change that has an effect only once', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  const change = async (...failures: Error[]) => {
    const database = fakeDatabase();
    database.events$.subscribe();
    const answer = changeOnce(database, () => {
      const failure = failures.shift();
      return failure ? Promise.reject(failure) : Promise.resolve(7);
    });
    await clock.tickAsync(60_000);
    return answer;
  };
  const lost = new Error('Connection terminated');
  const refused = Object.assign(new Error('no'), { code: '55P03' });

  it('is unclear if any try has lost its answer with the connection', async () => {
    expect(await change()).to.deep.equal({ answer: 7, isUnclear: false });
    expect(await change(refused)).to.deep.equal({ answer: 7, isUnclear: false });
    expect(await change(lost)).to.deep.equal({ answer: 7, isUnclear: true });
    expect(await change(lost, refused)).to.deep.equal({ answer: 7, isUnclear: true });
    expect(await change(refused, lost)).to.deep.equal({ answer: 7, isUnclear: true });
  });
});
