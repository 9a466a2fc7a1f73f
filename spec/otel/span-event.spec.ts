import type { Attributes } from '@opentelemetry/api';
import { expect } from 'chai';
import { composeEventFilters } from '../../lib/app/event-filter.js';
import { TaskError, type TaskEventDetail } from '../../lib/index.js';
import { telemetry } from '../../lib/otel/index.js';
import { registeredSdk, runOf } from '../helpers/telemetry.js';

const error = new RangeError('no');
const cause = new Error('enough');
const by = { by: 'ann' };
const asked = { 'rxjs_tasks.by': 'ann' };
const slot = { 'rxjs_tasks.slot': 5 };
const errorType = { 'error.type': 'RangeError' };

/** Events of a run, and their attributes on its span. */
const recorded: [TaskEventDetail, Attributes][] = [
  [{ type: 'ready' }, {}],
  [{ type: 'finalizing' }, {}],
  [{ type: 'cancelling', cause }, { 'rxjs_tasks.cause': 'Error: enough' }],
  [
    { type: 'cancelling', cause, slot: 5, error },
    { ...slot, ...errorType, 'rxjs_tasks.cause': 'Error: enough' },
  ],
  [{ type: 'teardown-failed', error }, errorType],
  [
    { type: 'teardown-failed', error, slot: 5 },
    { ...errorType, ...slot },
  ],
  [
    { type: 'option-failed', option: 'jitter', error },
    { ...errorType, 'rxjs_tasks.option': 'jitter' },
  ],
  [{ type: 'future-failed', error }, errorType],
  [{ type: 'result-dropped', phase: 'finalize' }, { 'rxjs_tasks.run.phase': 'finalize' }],
  [
    { type: 'result-dropped', phase: 'execute', slot: 5, error: new TaskError('x', 'execute', error) },
    { ...slot, ...errorType, 'rxjs_tasks.run.phase': 'execute' },
  ],
  [
    { type: 'skipped', slot: 5, reason: 'coordinator', error },
    { ...slot, ...errorType, 'rxjs_tasks.reason': 'coordinator' },
  ],
  [
    { type: 'missed', slot: 5, count: 3 },
    { ...slot, 'rxjs_tasks.count': 3 },
  ],
  [
    { type: 'missed', slot: 5, count: 3, reason: 'paused' },
    { ...slot, 'rxjs_tasks.count': 3, 'rxjs_tasks.reason': 'paused' },
  ],
  [{ type: 'triggered', slot: 5 }, slot],
  [
    { type: 'triggered', slot: 5, ...by },
    { ...slot, ...asked },
  ],
  [{ type: 'added', key: 'a' }, { 'rxjs_tasks.key': 'a' }],
  [
    { type: 'removed', key: 'a', ...by },
    { 'rxjs_tasks.key': 'a', ...asked },
  ],
  [{ type: 'paused' }, {}],
  [{ type: 'paused', ...by }, asked],
  [{ type: 'resumed', ...by }, asked],
  [{ type: 'rescheduled', ...by }, asked],
  [{ type: 'restart-requested', ...by }, asked],
  [
    { type: 'operated', action: 'purge', target: 'mail' },
    { 'rxjs_tasks.action': 'purge', 'rxjs_tasks.target': 'mail' },
  ],
  [
    { type: 'operated', action: 'retry', target: 'mail', count: 2, ...by },
    { 'rxjs_tasks.action': 'retry', 'rxjs_tasks.target': 'mail', 'rxjs_tasks.count': 2, ...asked },
  ],
  [
    { type: 'overdue', slot: 5, lateBy: 1500 },
    { ...slot, 'rxjs_tasks.lateness': 1.5 },
  ],
];

/** Events that a span has as its start, its end, its status, or an exception. */
const unrecorded: TaskEventDetail[] = [
  { type: 'initializing' },
  { type: 'slot-started', slot: 5 },
  { type: 'failed', phase: 'execute', error: new TaskError('x', 'execute', error) },
  { type: 'slot-failed', slot: 5, error: new TaskError('x', 'execute', error) },
  { type: 'done', outcome: { task: 'x', status: 'completed' } as never },
];

describe('The events of a span', () => {
  const { sdk } = registeredSdk();

  /** Returns the events of the span of a run that has had some events. */
  function spanEvents(details: readonly TaskEventDetail[]): [string, Attributes][] {
    const { wrapHook, onEvent, onRunEnd } = telemetry();
    const run = runOf();
    wrapHook?.(run, 'execute', () => undefined);
    for (const detail of details) onEvent?.({ task: 'x', runId: 1, at: 1, ...detail }, run);
    onRunEnd?.(run, { status: 'completed', startedAt: 0, at: 2 });
    return sdk.span('x').events.map(({ name, attributes = {} }) => [name, attributes]);
  }

  for (const [detail, attributes] of recorded) {
    const { type, ...rest } = detail;
    it(`have the attributes of ${type} with ${Object.keys(rest).join(', ') || 'no properties'}`, () => {
      const events = spanEvents([detail]).filter(([name]) => name !== 'exception');
      expect(events).to.deep.equal([[type, attributes]]);
    });
  }

  it('are none for the start, the end and the failure of a run or a slot', () => {
    expect(spanEvents(unrecorded).map(([name]) => name)).to.deep.equal(['exception']);
  });

  it('are the exceptions of what fails beside a run, each error once', () => {
    const coded = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const events = spanEvents([
      { type: 'teardown-failed', error },
      { type: 'teardown-failed', error },
      { type: 'option-failed', option: 'jitter', error: new TypeError('never') },
      { type: 'future-failed', error: coded },
      { type: 'future-failed', error: 'text' },
      { type: 'future-failed', error: null },
    ]);
    const exceptions = events.filter(([name]) => name === 'exception');
    expect(
      exceptions.map(([, attributes]) => [attributes['exception.type'], attributes['exception.message']]),
    ).to.deep.equal([
      ['RangeError', 'no'],
      ['TypeError', 'never'],
      ['ECONNREFUSED', 'refused'],
      ['string', "'text'"],
      ['object', 'null'],
    ]);
  });

  it('are missing for a run without a span, such as that of a supervisor', () => {
    const { onEvent, onRunEnd } = telemetry();
    const run = runOf();
    for (const detail of [...recorded.map(([each]) => each), ...unrecorded])
      for (const of of [run, undefined]) onEvent?.({ task: 'x', runId: 1, at: 1, ...detail }, of);
    onRunEnd?.(run, { status: 'completed', startedAt: 0, at: 2 });
    expect(sdk.spans).to.deep.equal([]);
  });

  it('are asked for only if they change a span or a metric', () => {
    const instrumentation = telemetry();
    const isUsed = composeEventFilters([instrumentation]);
    const [withHooks, withoutHooks] = [runOf(), runOf()];
    instrumentation.wrapHook?.(withHooks, 'execute', () => undefined);
    const used = recorded.map(([detail]) => [detail.type, isUsed(detail, withHooks), isUsed(detail, withoutHooks)]);
    for (const [type, withSpan, withoutSpan] of used)
      expect([type, withSpan, withoutSpan]).to.deep.equal([type, true, type !== 'ready' && type !== 'finalizing']);
    expect(isUsed({ type: 'ready' }, undefined)).to.equal(false);
    expect(unrecorded.filter((detail) => isUsed(detail, withHooks)).map(({ type }) => type)).to.deep.equal([
      'failed',
      'slot-failed',
    ]);
  });
});
