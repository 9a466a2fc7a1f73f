import { expect } from 'chai';
import {
  DirectoryInUseError,
  FleetCancelledError,
  FleetSchemaError,
  FleetVersionError,
  isUnrecoverable,
  JobCancelledError,
  JobDeletedError,
  JobError,
  JobLostError,
  QueueFullError,
  UnrecoverableError,
} from '../../lib/fleet/errors.js';
import { readTriggerOutcome, writeTriggerOutcome } from '../../lib/fleet/trigger-outcome.js';
import { TaskError } from '../../lib/index.js';

describe('The errors of a fleet', () => {
  it('say what is the matter, as a text and by their fields', () => {
    const cause = new Error('no right');
    const failure = { name: 'TypeError', message: 'no address' };
    const job = { queue: 'mails', job: 'c5c1' };
    const cases: readonly (readonly [Error, string, object])[] = [
      [
        new FleetVersionError('fleet', 2, 1),
        'FleetVersionError: Schema fleet has version 2, but this process supports up to 1: update it',
        { schema: 'fleet', version: 2, known: 1 },
      ],
      [
        new FleetSchemaError('fleet', 'they are missing', { cause }),
        'FleetSchemaError: Expected schema fleet to have the tables of a fleet: they are missing. ' +
          'installFleet creates them',
        { schema: 'fleet', cause },
      ],
      [
        new DirectoryInUseError('./data'),
        'DirectoryInUseError: ./data is already in use: an embedded database serves one fleet; use a url to share',
        { directory: './data' },
      ],
      [
        new FleetCancelledError('a bad deploy', 'web-1', 7),
        'FleetCancelledError: The fleet was cancelled by web-1: a bad deploy',
        { reason: 'a bad deploy', by: 'web-1', at: 7 },
      ],
      [
        new QueueFullError('mails', 7),
        'QueueFullError: Queue mails is full: it has 7 waiting jobs',
        { queue: 'mails', maxWaiting: 7 },
      ],
      [
        new JobError('mails', 'c5c1', failure),
        'JobError: A job of mails failed: TypeError: no address',
        { ...job, failure },
      ],
      [new JobCancelledError('mails', 'c5c1'), 'JobCancelledError: A job of mails was cancelled: c5c1', job],
      [new JobDeletedError('mails', 'c5c1'), 'JobDeletedError: A job of mails was deleted: c5c1', job],
      [new JobLostError('mails', 'c5c1'), 'JobLostError: A job of mails was lost to another process: c5c1', job],
    ];
    for (const [error, text, fields] of cases) {
      expect(String(error)).to.equal(text);
      expect(error).to.include(fields);
    }
  });

  it('are unrecoverable by their class or their name, and not if the name cannot be read', () => {
    const hostile = {
      get name(): string {
        throw new Error('no');
      },
    };
    const errors = [new UnrecoverableError('x'), { name: 'UnrecoverableError' }, new Error('x'), null, hostile];
    expect(errors.map(isUnrecoverable)).to.deep.equal([true, true, false, false, false]);
  });
});

describe('The outcome of a triggered run', () => {
  const pass = (outcome: Parameters<typeof writeTriggerOutcome>[0]) =>
    readTriggerOutcome('web-1', JSON.parse(writeTriggerOutcome(outcome)));

  it('passes its reason, its failure and its times to another process', () => {
    const base = { slot: 1, trigger: 'manual' } as const;
    expect(pass({ ...base, status: 'completed', startedAt: 2, endedAt: 3 })).to.deep.equal({
      ...{ holder: 'web-1', status: 'completed', startedAt: 2, endedAt: 3 },
    });
    expect(pass({ ...base, status: 'skipped', reason: `over\0${'x'.repeat(2000)}` })).to.deep.equal({
      ...{ holder: 'web-1', status: 'skipped', reason: `over\ufffd${'x'.repeat(995)}` },
    });
    const error = new TaskError('cron', 'execute', new RangeError('no'));
    expect(pass({ ...base, status: 'failed', error })).to.deep.equal({
      ...{ holder: 'web-1', status: 'failed', failure: { name: 'RangeError', message: 'no' } },
    });
    expect(readTriggerOutcome(null, { status: 'cancelled' })).to.deep.equal({ holder: 'unknown', status: 'cancelled' });
  });
});
