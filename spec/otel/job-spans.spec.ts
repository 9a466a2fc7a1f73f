import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import { expect } from 'chai';
import { captureTrace } from '../../lib/context/trace-fields.js';
import type { RunJob } from '../../lib/context/types.js';
import { telemetry } from '../../lib/otel/index.js';
import { idOf, linksOf, parentOf, registeredSdk, runOf, traceOf } from '../helpers/telemetry.js';

describe('The span of a job', () => {
  const { sdk } = registeredSdk();

  /** Runs a job in a worker, and returns its span, and those of the worker and of the code that has submitted it. */
  function spansOf(job: Partial<RunJob> = {}, probe: () => void = () => undefined) {
    const { wrapHook, onRunEnd } = telemetry();
    const fields = sdk.tracer.startActiveSpan('submitter', (span) => {
      const baggage = propagation.createBaggage({ tenant: { value: 'acme' } });
      const fields = context.with(propagation.setBaggage(context.active(), baggage), captureTrace);
      span.end();
      return fields;
    });
    const worker = runOf({ task: 'worker' });
    const attempt = { id: 'id-1', queue: 'mail', attempt: 2, awaited: false, trace: fields, ...job };
    const run = runOf({ task: 'worker/job', parent: worker, job: attempt });
    wrapHook?.(worker, 'execute', () => wrapHook(run, 'execute', probe));
    for (const each of [run, worker]) onRunEnd?.(each, { status: 'completed', startedAt: 0, at: 1 });
    return { job: sdk.span('worker/job'), worker: sdk.span('worker'), submitter: sdk.span('submitter') };
  }

  it('has the attributes of a message that a consumer processes', async () => {
    const { job } = spansOf();
    expect(job.kind).to.equal(SpanKind.CONSUMER);
    expect(job.attributes).to.deep.equal({
      'rxjs_tasks.task': 'worker/job',
      'rxjs_tasks.run.kind': 'job',
      'rxjs_tasks.run.id': 1,
      'rxjs_tasks.run.outcome': 'completed',
      'rxjs_tasks.job.attempt': 2,
      'messaging.system': 'rxjs_tasks',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'mail',
      'messaging.message.id': 'id-1',
    });
    expect(await sdk.points('rxjs_tasks.runs')).to.deep.equal([
      [{ 'rxjs_tasks.task': 'worker', 'rxjs_tasks.run.kind': 'task' }, 1],
      [{ 'rxjs_tasks.task': 'worker/job', 'rxjs_tasks.run.kind': 'job' }, 1],
    ]);
  });

  it('is a child of the code that waits for the job', () => {
    const { job, submitter } = spansOf({ awaited: true });
    expect([parentOf(job), traceOf(job), linksOf(job)]).to.deep.equal([idOf(submitter), traceOf(submitter), []]);
  });

  it('is the root of its own trace, linked to the code that has enqueued the job', () => {
    const { job, worker, submitter } = spansOf();
    expect([parentOf(job), linksOf(job)]).to.deep.equal([undefined, [idOf(submitter)]]);
    expect(new Set([job, worker, submitter].map(traceOf))).to.have.property('size', 3);
  });

  for (const awaited of [true, false])
    it(`is a root, linked to its worker, without a known submitter${awaited ? ' that waits' : ''}`, () => {
      for (const fields of [undefined, { traceparent: 'x' }, { baggage: 'tenant=acme' }]) {
        sdk.reset();
        const { job, worker } = spansOf({ awaited, trace: fields });
        expect([parentOf(job), linksOf(job)]).to.deep.equal([undefined, [idOf(worker)]]);
        expect(traceOf(job)).not.to.equal(traceOf(worker));
      }
    });

  it('has the baggage of the submitter, and is active in the hooks', () => {
    let active: (string | undefined)[] = [];
    const { job } = spansOf({}, () => {
      const tenant = propagation.getActiveBaggage()?.getEntry('tenant')?.value;
      active = [tenant, trace.getActiveSpan()?.spanContext().spanId];
    });
    expect(active).to.deep.equal(['acme', idOf(job)]);
  });
});
