import { expect } from 'chai';
import { nearestName, relatedName } from '../../lib/util/nearest-name.js';

describe('nearestName', () => {
  const known = ['initialize', 'execute', 'finalize', 'max', 'maxRuns'];

  it('finds the name with at most two letters that are wrong, missing, superfluous or swapped', () => {
    for (const [name, meant] of [
      ['initialise', 'initialize'],
      ['INITIALIZE', 'initialize'],
      ['intialise', 'initialize'],
      ['exectue', 'execute'],
      ['finallize', 'finalize'],
      ['maxRun', 'maxRuns'],
      ['mx', 'max'],
    ] as const)
      expect(nearestName(name, known), name).to.equal(meant);
  });

  it('finds no name for another word, nor for two wrong letters of three', () => {
    for (const name of ['min', 'open', 'finish', 'constructor', '', 'initialization'])
      expect(nearestName(name, known), name).to.equal(undefined);
  });

  it('finds no name for a very long one', () => {
    expect(nearestName('x'.repeat(100), ['x'.repeat(99)])).to.equal('x'.repeat(99));
    expect(nearestName('x'.repeat(101), ['x'.repeat(100)])).to.equal(undefined);
  });

  it('finds the nearest of several names', () => {
    expect(nearestName('maxRum', ['maxRan', 'maxRum1', 'maxRuns'])).to.equal('maxRum1');
  });
});

describe('relatedName', () => {
  const known = ['timeout', 'drainDelay', 'maxRuns', 'maxRestarts', 'by'];

  it('finds the name that contains another one, or is a part of it', () => {
    for (const [name, meant] of [
      ['drain', 'drainDelay'],
      ['shutdownTimeout', 'timeout'],
      ['TIME', 'timeout'],
    ] as const)
      expect(relatedName(name, known), name).to.equal(meant);
  });

  it('finds no name if several are related, nor by a part of less than three letters', () => {
    for (const name of ['max', 'ti', 'standby', '', 'retries'])
      expect(relatedName(name, known), name).to.equal(undefined);
  });

  it('finds no name for a very long one', () => {
    expect(relatedName(`${'x'.repeat(93)}timeout`, known)).to.equal('timeout');
    expect(relatedName(`${'x'.repeat(94)}timeout`, known)).to.equal(undefined);
  });
});
