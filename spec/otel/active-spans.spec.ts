import { context, trace } from '@opentelemetry/api';
import { expect } from 'chai';
import { defer, interval, map, Observable, take, timer } from 'rxjs';
import {
  cron,
  future,
  launch,
  ordered,
  parallel,
  supervise,
  task,
  taskRunner,
  type Runnable,
} from '../../lib/index.js';
import { telemetry } from '../../lib/otel/index.js';
import { idOf, parentOf, registeredSdk, times } from '../helpers/telemetry.js';
import { activeId, observer, run } from './helpers.js';

describe('The span of a run is active', () => {
  const { sdk } = registeredSdk();

  /** Runs a task that calls `probe`, and returns the names of the spans that were active in these calls. */
  async function activeSpans(create: (probe: () => void) => Runnable): Promise<(string | undefined)[]> {
    const ids: (string | undefined)[] = [];
    await launch([create(() => ids.push(activeId()))], { instrumentation: [telemetry()], observer });
    const names = new Map(sdk.spans.map((span) => [idOf(span), span.name]));
    return ids.map((id) => id && names.get(id));
  }

  it('in every hook', async () => {
    const names = await activeSpans((probe) => task('x', { initialize: probe, execute: probe, finalize: probe }));
    expect(names).to.deep.equal(['x', 'x', 'x']);
  });

  it('after every await', async () => {
    const names = await activeSpans((probe) => {
      const hook = async () => {
        await Promise.resolve();
        probe();
        await new Promise((resolve) => setTimeout(resolve, 1));
        probe();
      };
      return task('x', { initialize: hook, execute: hook, finalize: hook });
    });
    expect(names).to.deep.equal(Array(6).fill('x'));
  });

  it('in an Observable, its timers and its teardown', async () => {
    const names = await activeSpans((probe) =>
      task('x', () =>
        defer(() => {
          probe();
          return new Observable((subscriber) => {
            probe();
            const ticking = interval(1).pipe(take(2), map(probe)).subscribe(subscriber);
            return () => {
              probe();
              ticking.unsubscribe();
            };
          });
        }),
      ),
    );
    expect(names).to.deep.equal(Array(5).fill('x'));
  });

  it('in an async iterator, between its values', async () => {
    const names = await activeSpans((probe) =>
      task('x', async function* () {
        yield probe();
        await Promise.resolve();
        yield probe();
        await new Promise((resolve) => setTimeout(resolve, 1));
        yield probe();
      }),
    );
    expect(names).to.deep.equal(['x', 'x', 'x']);
  });

  it("in a future, and in a runner started by a task, whose span is a child of the task's span", async () => {
    const names = await activeSpans((probe) =>
      task('x', async (ctx) => {
        await future(async () => Promise.resolve().then(probe), ctx);
        const inner = taskRunner(task('inner', async () => Promise.resolve().then(probe)));
        await inner.start(ctx).forEach(() => undefined);
      }),
    );
    expect(names).to.deep.equal(['x', 'x/inner']);
    expect(parentOf(sdk.span('x/inner'))).to.equal(idOf(sdk.span('x')));
  });

  it("in the runs that a task starts, whose spans are children of the task's, whatever is active", () => {
    const inner = (name: string) => task(name, { execute: () => timer(1), finalize: () => timer(1) });
    const outer = task('outer', (ctx) =>
      context.with(trace.deleteSpan(context.active()), () => {
        taskRunner(inner('job')).start(ctx).subscribe();
        supervise(inner('supervised')).start(ctx).subscribe();
        parallel('group', inner('member')).start(ctx.signal).subscribe();
        void launch([inner('app')], { parent: ctx, observer });
        return timer(5);
      }),
    );
    run([outer], 10);
    const parents = Object.fromEntries(
      sdk.spans.map((span) => [span.name, sdk.spans.find((each) => idOf(each) === parentOf(span))?.name]),
    );
    expect(parents).to.deep.equal({
      outer: undefined,
      'outer/job': 'outer',
      'outer/supervised': 'outer',
      'outer/group': 'outer',
      'outer/group/member': 'outer/group',
      'outer/app': 'outer',
    });
    expect(times(sdk.span('outer'))[1]).to.equal(5);
  });

  it('in each run of a cron', async () => {
    const ids: (string | undefined)[] = [];
    const job = task('job', async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      ids.push(activeId());
    });
    await launch([cron(job, 5, { maxRuns: 3 })], { instrumentation: [telemetry()] });
    expect(ids).to.deep.equal(sdk.spans.filter(({ name }) => name === 'job slot').map(idOf));
    expect(new Set(ids)).to.have.property('size', 3);
  });

  it('in each member of an ordered group, and in each restart', async () => {
    let attempts = 0;
    const names = await activeSpans((probe) => {
      const up = (name: string) => task(name, { initialize: async () => Promise.resolve(), execute: probe });
      const flaky = task('c', async () => {
        await Promise.resolve();
        probe();
        if (++attempts < 2) throw new Error('no');
      });
      return ordered('app', up('a'), up('b'), supervise(flaky, { backoff: { initial: 1 } }));
    });
    expect(names).to.deep.equal(['app/a', 'app/b', 'app/c', 'app/c']);
  });

  it('not in the code that started the application', async () => {
    await trace.getTracer('app').startActiveSpan('boot', async (boot) => {
      await launch([task('x', () => 1)], { instrumentation: [telemetry()] });
      expect(activeId()).to.equal(boot.spanContext().spanId);
    });
  });
});
