import { trace, type Tracer } from '@opentelemetry/api';
import { expect } from 'chai';
import { cron, launch, orchestrate, ordered, task, withCancel, type Instrumentation } from '../../lib/index.js';
import { telemetry } from '../../lib/otel/index.js';
import { settled } from '../helpers/tasks.js';
import { registeredSdk, runOf, Sdk, unregisterTelemetry } from '../helpers/telemetry.js';
import { activeId, fail, fails } from './helpers.js';

describe('telemetry', () => {
  const { sdk, diagnostics } = registeredSdk();

  it('can be created before the SDK is registered', async () => {
    unregisterTelemetry();
    const instrumentation = [telemetry()];
    sdk.register();
    await launch([task('x', () => 1)], { instrumentation });
    expect(sdk.spans.map(({ name }) => name)).to.deep.equal(['x']);
    expect(await sdk.points('rxjs_tasks.runs')).to.have.length(1);
  });

  it('does nothing when no SDK is registered', async () => {
    unregisterTelemetry();
    const report = await launch(
      [
        ordered(
          'app',
          cron(
            task('x', () => 1),
            1,
            { maxRuns: 3 },
          ),
        ),
      ],
      { instrumentation: [telemetry()] },
    );
    expect(report.clean).to.equal(true);
  });

  it('uses the given tracer and meter', async () => {
    const other = new Sdk();
    const { tracer, meter } = other;
    await launch([task('x', () => 1)], { instrumentation: [telemetry({ tracer, meter })] });
    expect([sdk.spans, await sdk.allPoints()]).to.deep.equal([[], {}]);
    expect(other.span('x').instrumentationScope.name).to.equal('spec');
    expect(await other.points('rxjs_tasks.runs')).to.have.length(1);
  });

  it('passes errors of its tracer and its meter to the diagnostics of the API alone', async () => {
    const broken = (): never => fail('no telemetry');
    const values: unknown[] = [];
    const event: Instrumentation['onEvent'] = ({ type }) => type === 'done' && values.push(type);
    const instrumentation = [
      telemetry({
        tracer: { startSpan: broken, startActiveSpan: broken },
        meter: { createHistogram: broken } as never,
      }),
      { onEvent: event },
    ];
    const report = await launch([task('x', { execute: () => values.push('ran'), finalize: () => 0 })], {
      instrumentation,
    });
    const errors = diagnostics.take();
    expect([report.clean, values]).to.deep.equal([true, ['ran', 'done']]);
    expect(errors.length).to.be.above(3);
    expect(new Set(errors.map(([scope]) => scope))).to.deep.equal(new Set(['rxjs-tasks']));
    expect(errors.map(([, reason]) => String(reason))).to.include.members([
      'Error: no telemetry',
      'TypeError: meter.createCounter is not a function',
    ]);
  });

  describe('passes each error once to the diagnostics, at a hook, an event and the end of a run,', () => {
    const meter = { createHistogram: fails } as never;
    const startActiveSpan = fails;
    const startSpan: Tracer['startSpan'] = (...args) => Object.assign(sdk.tracer.startSpan(...args), { end: fails });
    const broken = {
      'of a meter': { options: { meter }, counts: [1, 1, 1] },
      'of a tracer': { options: { tracer: { startSpan: fails, startActiveSpan } }, counts: [1, 0, 0] },
      'of a span and of a meter': { options: { meter, tracer: { startSpan, startActiveSpan } }, counts: [1, 1, 2] },
    };
    for (const [kind, { options, counts }] of Object.entries(broken))
      it(kind, () => {
        const { wrapHook, onEvent, onRunEnd } = telemetry(options);
        const x = runOf();
        const found: number[] = [];
        const count = () => found.push(diagnostics.take().length);
        wrapHook?.(x, 'execute', count);
        onEvent?.({ type: 'ready', task: 'x', runId: 1, at: 1 }, x);
        count();
        onRunEnd?.(x, { status: 'completed', startedAt: 0, at: 2 });
        count();
        expect(found).to.deep.equal(counts);
      });
  });

  it('keeps the active span of the caller in a hook if its tracer fails', () => {
    const { wrapHook } = telemetry({ tracer: { startSpan: fails, startActiveSpan: fails } });
    let active: string | undefined;
    const caller = sdk.tracer.startActiveSpan('caller', (span) => {
      wrapHook?.(runOf(), 'execute', () => (active = activeId()));
      return span.spanContext().spanId;
    });
    expect(active).to.equal(caller);
    expect(diagnostics.take()).to.have.length(1);
  });

  it('rejects unknown and invalid options', () => {
    const withOptions = (options: unknown) => () => telemetry(options as never);
    expect(withOptions(null)).to.throw(TypeError, 'Expected `options` of `telemetry` to be an object, got null');
    expect(withOptions({ tracr: 1 })).to.throw(TypeError, 'Expected an option of `telemetry`, got `tracr`');
    expect(withOptions({ tracer: {} })).to.throw(
      TypeError,
      'Expected `tracer` to be a tracer, with a `startSpan` function, got `{}` (object)',
    );
    expect(withOptions({ meter: null })).to.throw(
      TypeError,
      'Expected `meter` to be a meter, with a `createHistogram` function, got null',
    );
  });

  it('keeps no spans of ended runs', async () => {
    const spans: WeakRef<object>[] = [];
    const tracer: Tracer = {
      startSpan(...args) {
        const span = trace.getTracer('kept').startSpan(...args);
        spans.push(new WeakRef(span));
        return span;
      },
      startActiveSpan: () => fail('unused'),
    };
    const [parent, cancel] = withCancel();
    let runs = 0;
    const rounds = new Promise<void>((done) => {
      const often = task('often', () => {
        if (++runs === 10_000) done();
      });
      const app = Array.from({ length: 20 }, () => cron(often, 1, { overlap: 'allowAll' }));
      orchestrate(app, { parent, instrumentation: [telemetry({ tracer })] }).subscribe();
    });
    const resetTimer = setInterval(() => sdk.reset(), 1);
    await rounds;
    clearInterval(resetTimer);
    sdk.reset();
    // A dereferenced WeakRef keeps its target until the end of the macrotask.
    await settled();
    globalThis.gc?.();
    const kept = spans.filter((span) => span.deref()).length;
    cancel();
    expect(spans).to.have.length.above(10_000);
    // The spans of the crons, and of runs that have just ended.
    expect(kept).to.be.within(20, 200);
  });
});
