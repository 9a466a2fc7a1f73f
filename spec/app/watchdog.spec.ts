import { expect } from 'chai';
import { execPath } from 'node:process';
import sinon from 'sinon';
import { killUnlessExited } from '../../lib/app/watchdog.js';

describe('The watchdog of an exit', () => {
  it('is left out when Node does not permit a child process', () => {
    const denied = Object.assign(new Error('Access to this API has been restricted'), { code: 'ERR_ACCESS_DENIED' });
    const spawn = sinon.stub(process.getBuiltinModule('node:child_process'), 'spawn').throws(denied);
    try {
      expect(() => killUnlessExited(1)).not.to.throw();
      expect(spawn.args.map(([command]) => command)).to.deep.equal([execPath]);
    } finally {
      spawn.restore();
    }
  });
});
