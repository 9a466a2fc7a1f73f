import { expect } from 'chai';
import { nearestName } from '../../lib/util/nearest-name.js';

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
