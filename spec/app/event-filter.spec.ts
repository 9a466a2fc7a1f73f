import { expect } from 'chai';
import { composeEventFilters, setEventFilter } from '../../lib/app/event-filter.js';
import { readInstrumentation } from '../../lib/app/compose-instrumentation.js';
import { launch, task, type AppEvent, type Instrumentation, type TaskEventDetail } from '../../lib/index.js';

/** Returns the types of the events that instrumentation receives from a run, in an application without an observer. */
async function receivedBy(...create: ((received: AppEvent['type'][]) => Instrumentation)[]) {
  const received = create.map(() => [] as AppEvent['type'][]);
  const instrumentation = create.map((createOne, index) => createOne(received[index] ?? []));
  await launch([task('x', { execute: () => 1, finalize: () => 2 })], { instrumentation });
  return received;
}

const unfiltered = (received: AppEvent['type'][]): Instrumentation => ({ onEvent: ({ type }) => received.push(type) });
const filtered = (received: AppEvent['type'][]) =>
  setEventFilter(unfiltered(received), ({ type }) => type === 'finalizing');

describe('The filter of instrumentation', () => {
  it('keeps events from it that no listener has a use for', async () => {
    expect(await receivedBy(filtered)).to.deep.equal([['finalizing', 'shutdown']]);
  });

  it('keeps no event from a listener without a filter', async () => {
    const all = ['initializing', 'ready', 'finalizing', 'done', 'shutdown'];
    expect(await receivedBy(unfiltered, filtered)).to.deep.equal([all, all]);
  });

  it('is kept when the instrumentation is read', () => {
    const event: TaskEventDetail = { type: 'ready' };
    const isUsed = (instrumentation: Instrumentation) =>
      composeEventFilters(readInstrumentation([instrumentation]))(event, undefined);
    expect([isUsed(filtered([])), isUsed(unfiltered([])), isUsed({})]).to.deep.equal([false, true, false]);
  });
});
