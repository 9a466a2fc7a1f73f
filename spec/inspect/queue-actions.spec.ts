import { expect } from 'chai';
import sinon, { type SinonFakeTimers } from 'sinon';
import { fleetParts } from '../../lib/inspect/server/fleet-parts.js';
import type { InspectedQueue } from '../../lib/inspect/server/fleet-state-source.js';
import type { PerformedAction } from '../../lib/inspect/server/queue-actions.js';
import type { QueueActionRequest } from '../../lib/inspect/server/queue-action-request.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { emptyQueue, exampleFleet } from '../helpers/example-fleet.js';

const by = 'ann';

describe('The actions of a queue', () => {
  const errors = spyOnConsoleError();
  let clock: SinonFakeTimers;
  beforeEach(() => {
    clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => clock.restore());

  const operated = (change: Partial<InspectedQueue>, state = () => Promise.resolve(exampleFleet())) => {
    const performed: PerformedAction[] = [];
    const parts = fleetParts(
      { state, queue: () => emptyQueue(change) },
      false,
      () => 0,
      (action) => performed.push(action),
    );
    const perform = async (request: QueueActionRequest) => {
      const { status, body } = (await parts.performQueueAction?.(request)) ?? expect.fail('No actions');
      return [status, body];
    };
    return { perform, performed, get: parts.queues };
  };
  const noQueue = () => expect.fail('The fleet has no such queue');

  /** Requests, the method of the queue with its arguments, its result, and the number of jobs. */
  const requests: [
    QueueActionRequest,
    method: keyof InspectedQueue,
    args: unknown[],
    result: unknown,
    count?: number,
  ][] = [
    [{ action: 'redrive', queue: 'emails', by }, 'redrive', [undefined], 2, 2],
    [{ action: 'redrive', queue: 'emails', ids: ['1'], by }, 'redrive', [['1']], 0, 0],
    [{ action: 'pause-queue', queue: 'emails', by }, 'pause', [{ by }], undefined],
    [{ action: 'resume-queue', queue: 'emails', by }, 'resume', [], undefined],
    [{ action: 'retry-job', queue: 'emails', job: '1', by }, 'retry', ['1'], true],
    [{ action: 'promote-job', queue: 'emails', job: '1', by }, 'promote', ['1'], true],
    [{ action: 'remove-job', queue: 'emails', job: '1', by }, 'remove', ['1'], true],
  ];
  for (const [request, method, args, result, count] of requests)
    it(`call ${method} for ${Object.keys(request).join()} of ${request.action}, and answer`, async () => {
      const call = sinon.stub().resolves(result);
      const { perform, performed } = operated({ [method]: call });
      const counted = count === undefined ? {} : { count };
      expect(await perform(request)).to.deep.equal([200, { ...request, ...counted }]);
      expect(call.args).to.deep.equal([args]);
      const target = 'job' in request ? 'emails/1' : 'emails';
      expect(performed).to.deep.equal([{ action: request.action, target, ...counted, by }]);
      expect(clock.countTimers()).to.equal(0);
    });

  it('are those of the inspector unless the request names somebody', async () => {
    const pause = sinon.stub().resolves();
    const { perform, performed } = operated({ pause });
    await perform({ action: 'pause-queue', queue: 'emails' });
    expect([pause.args, performed.map((action) => action.by)]).to.deep.equal([[[{ by: 'inspector' }]], ['inspector']]);
  });

  it('are refused, without an event, if the job is in another state', async () => {
    const { perform, performed } = operated({});
    const expectations = {
      'retry-job': 'that has failed or was cancelled',
      'promote-job': 'that waits for its time or for its next attempt',
      'remove-job': 'that does not run at the moment',
    } as const;
    for (const action of ['retry-job', 'promote-job', 'remove-job'] as const)
      expect(await perform({ action, queue: 'emails', job: '1' })).to.deep.equal([
        409,
        { error: `emails has no job 1 ${expectations[action]}` },
      ]);
    expect(performed).to.deep.equal([]);
  });

  it('are refused for a queue that the fleet does not have, and while the fleet does not answer', async () => {
    const resume = { action: 'resume-queue', queue: 'others' } as const;
    expect(await operated({ resume: noQueue }).perform(resume)).to.deep.equal([
      404,
      { error: 'There is no queue others' },
    ]);
    const failed = [503, { error: 'The fleet does not answer: no database' }];
    const noDatabase = () => Promise.reject(new Error('no database'));
    expect(await operated({ resume: noQueue }, noDatabase).perform(resume)).to.deep.equal(failed);
    expect(await operated({ resume: noDatabase }).perform({ ...resume, queue: 'emails' })).to.deep.equal(failed);
    expect(errors.all()).to.deep.equal([]);
  });

  it('are pending after 5 s, and are still performed; a later error is written to the console', async () => {
    const request = { action: 'resume-queue', queue: 'emails' } as const;
    const error = new Error('no database');
    for (const fails of [false, true]) {
      let settle: (() => void) | undefined;
      const resume = () =>
        new Promise<void>((resolve, reject) => {
          settle = () => (fails ? reject(error) : resolve());
        });
      const { perform, performed } = operated({ resume });
      const answer = perform(request);
      await clock.tickAsync(4999);
      expect(settle).to.be.a('function');
      await clock.tickAsync(1);
      expect(await answer).to.deep.equal([202, { ...request, pending: true }]);
      expect(performed).to.deep.equal([]);
      settle?.();
      await clock.tickAsync(0);
      expect(performed).to.have.length(fails ? 0 : 1);
      expect(errors.all()).to.deep.equal(fails ? [error] : []);
    }
  });

  it('let the next requests read the queue again', async () => {
    const jobs = sinon.stub().resolves([]);
    const { perform, get } = operated({ jobs });
    const read = () => get('/fleet/queues/emails/jobs', '');
    await read();
    await read();
    expect(jobs.callCount).to.equal(1);
    await perform({ action: 'pause-queue', queue: 'emails' });
    await read();
    expect(jobs.callCount).to.equal(2);
  });
});
