import { expect } from 'chai';
import { parseJobMessage } from '../../lib/fleet/job-message.js';
import { parseJobRow } from '../../lib/fleet/job-row.js';
import type { JobProgress } from '../../lib/fleet/progress-table.js';
import { toEvent } from '../../lib/fleet/remote-events.js';

const key = { queue: 'q', job: '9b2b1c8e-1c1f-4c1e-9f0a-0d8f6f7e3a11' };

describe('The event of another process', () => {
  /** Returns the event that a message leads to, without the fields that all events have. */
  function eventOf(
    message: object,
    row: Partial<Record<'state' | 'retryCount' | 'output', unknown>>,
    progress?: object,
  ) {
    const parsed = parseJobMessage({ ...key, at: 1, by: 'other', ...message });
    const job = parseJobRow({ queue: key.queue, id: key.job, retryCount: 0, ...row });
    if (!parsed || !job) throw new Error('The message or the job is invalid');
    const event = toEvent(parsed, job, progress as JobProgress | undefined);
    if (!event) return undefined;
    const { queue, job: id, at, by, ...detail } = event;
    expect({ queue, job: id, at, by }).to.deep.equal({ ...key, at: 1, by: 'other' });
    return detail;
  }
  const failure = { name: 'TypeError', message: 'no address' };

  it('has its contents from the job', () => {
    const completed = { type: 'completed', attempt: 2 };
    expect(eventOf(completed, { state: 'completed', retryCount: 1, output: { value: 49 } })).to.deep.equal({
      ...completed,
      output: { value: 49 },
    });
    const failed = { type: 'failed', attempt: 1 };
    expect(eventOf(failed, { state: 'failed', output: failure })).to.deep.equal({ ...failed, failure });
    const progress = { type: 'progress', attempt: 1 };
    expect(eventOf(progress, { state: 'active' }, { attempt: 1, value: 0.5 })).to.deep.equal({
      ...progress,
      progress: 0.5,
    });
    for (const state of ['created', 'active', 'completed'])
      expect(eventOf({ type: 'submitted' }, { state })).to.deep.equal({ type: 'submitted' });
    expect(eventOf({ type: 'cancelled' }, { state: 'cancelled' })).to.deep.equal({ type: 'cancelled' });
    for (const type of ['started', 'lost'])
      expect(eventOf({ type, attempt: 1 }, { state: 'completed', retryCount: 4 })).to.deep.equal({ type, attempt: 1 });
  });

  it('of a retry has the failure as long as the job has it', () => {
    const retrying = { type: 'retrying', attempt: 2 };
    const failureOf = (state: string, retryCount: number) =>
      (eventOf(retrying, { state, retryCount, output: failure }) as { failure: unknown } | undefined)?.failure;
    expect(failureOf('retry', 1)).to.deep.equal(failure);
    expect(failureOf('active', 2)).to.deep.equal(failure);
    const replaced = { name: 'Error', message: 'A later attempt has replaced this failure' };
    expect(failureOf('retry', 2)).to.deep.equal(replaced);
    expect(failureOf('active', 3)).to.deep.equal(replaced);
    expect(failureOf('completed', 2)).to.deep.equal(replaced);
    expect(eventOf({ ...retrying, released: true }, { state: 'active', retryCount: 2, output: failure })).to.deep.equal(
      {
        ...retrying,
        failure: { name: 'Released', message: 'Given back by other' },
      },
    );
  });

  it('is none if the job contradicts the message', () => {
    const contradictions: [type: string, attempt: number, state: string][] = [
      ['started', 1, 'created'],
      ['started', 2, 'active'],
      ['lost', 2, 'active'],
      ['progress', 1, 'active'],
      ['retrying', 1, 'active'],
      ['retrying', 1, 'completed'],
      ['completed', 1, 'active'],
      ['completed', 1, 'failed'],
      ['completed', 2, 'completed'],
      ['failed', 1, 'retry'],
      ['failed', 1, 'completed'],
      ['cancelled', 1, 'active'],
      ['completed', 1, 'a state of later versions'],
    ];
    for (const [type, attempt, state] of contradictions)
      expect(eventOf({ type, attempt }, { state }), `${type} ${attempt} ${state}`).to.equal(undefined);
    expect(
      eventOf({ type: 'progress', attempt: 2 }, { state: 'active', retryCount: 1 }, { attempt: 1, value: 1 }),
    ).to.equal(undefined);
    const message = parseJobMessage({ ...key, type: 'submitted', at: 1, by: 'other' });
    expect(message && toEvent(message, undefined, undefined)).to.equal(undefined);
  });
});
