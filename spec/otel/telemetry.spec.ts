import { context, diag, SpanKind, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { defer, interval, map, NEVER, Observable, of, take, throwError, timer } from 'rxjs';
import {
  background,
  critical,
  cron,
  future,
  launch,
  orchestrate,
  ordered,
  parallel,
  supervise,
  task,
  taskRunner,
  withCancel,
  type Instrumentation,
  type OrchestrateOptions,
  type RunContext,
  type Runnable,
} from '../../lib/index.js';
import { telemetry } from '../../lib/otel/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { Sdk, times } from '../helpers/telemetry.js';
import { virtually } from '../helpers/virtual-time.js';

/** Returns the time and the name of an event. */
const firstWords = (event: string) => event.split(' ').slice(0, 2).join(' ');
const fails = (): never => {
  throw new RangeError('no disk');
};
/** Keeps expected failures from being written to the console. */
const observer = () => undefined;
const parentOf = (span: ReadableSpan) => span.parentSpanContext?.spanId;
const idOf = (span: ReadableSpan) => span.spanContext().spanId;
const linksOf = (span: ReadableSpan) => span.links.map((link) => link.context.spanId);
const activeId = () => trace.getActiveSpan()?.spanContext().spanId;
/** Returns the events of a span in order: their times, names and attributes. */
const eventsOf = (span: ReadableSpan) =>
  span.events.map(({ name, time: [whole, nanos], attributes = {} }) =>
    [whole * 1000 + nanos / 1e6, name, ...Object.values(attributes)].join(' '),
  );

describe('telemetry', () => {
  let sdk: Sdk;

  beforeEach(() => {
    sdk = new Sdk();
    sdk.register();
  });

  afterEach(() => sdk.unregister());

  /** Runs an application in virtual time, and cancels it from outside at `until`. */
  function run(runnables: Runnable[], until: number, options: OrchestrateOptions = {}): void {
    virtually((_, scheduler) => {
      const [parent, cancel] = withCancel(background, { scheduler });
      orchestrate(runnables, { instrumentation: [telemetry()], parent, ...options }).subscribe();
      scheduler.schedule(() => cancel(new Error('enough')), until);
      scheduler.flush();
    });
  }

  describe('spans', () => {
    it("are one for each run, with its events, in the scheduler's time", () => {
      run([task('x', { initialize: () => timer(2), execute: () => NEVER, finalize: () => timer(3) })], 10);
      expect(sdk.spans).to.have.length(1);
      const span = sdk.span('x');
      expect(times(span)).to.deep.equal([0, 13]);
      expect(span.kind).to.equal(SpanKind.INTERNAL);
      expect(span.attributes).to.deep.equal({
        'rxjs_tasks.task': 'x',
        'rxjs_tasks.run.id': 1,
        'rxjs_tasks.run.kind': 'task',
        'rxjs_tasks.run.outcome': 'cancelled',
      });
      expect(eventsOf(span)).to.deep.equal(['2 ready', '10 cancelling Error: enough', '10 finalizing']);
      // A cancel is no error.
      expect(span.status).to.deep.equal({ code: SpanStatusCode.UNSET });
    });

    it('have the same events without an observer of the application', async () => {
      const app = launch([task('x', { initialize: () => 1, execute: () => NEVER, finalize: () => 2 })], {
        instrumentation: [telemetry()],
      });
      await app.stop();
      expect(sdk.span('x').events.map(({ name }) => name)).to.deep.equal(['ready', 'cancelling', 'finalizing']);
    });

    it('have no events of a run without hooks of that name', async () => {
      await launch([task('x', () => 1)], { instrumentation: [telemetry()], observer });
      expect(sdk.span('x').events).to.deep.equal([]);
    });

    it('have the library and its version as their scope', () => {
      const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
      run([task('x', () => 1)], 1);
      expect(sdk.span('x').instrumentationScope).to.deep.include({ name: 'rxjs-tasks', version });
    });

    it('have times with fractions of a ms', () => {
      run([task('x', () => timer(0.25))], 1);
      expect(times(sdk.span('x'))).to.deep.equal([0, 0.25]);
    });

    it("of members are children of their group's span, even if another span is active at their start", () => {
      const part = (name: string) => task(name, { initialize: () => timer(1), execute: () => NEVER });
      run([ordered('app', part('a'), parallel('in', part('b'), critical(part('c'))), part('d'))], 10);
      const app = sdk.span('app');
      const members = ['app/a', 'app/in', 'app/d'].map((name) => sdk.span(name));
      const inner = ['app/in/b', 'app/in/c'].map((name) => sdk.span(name));
      expect(members.map(parentOf)).to.deep.equal(members.map(() => idOf(app)));
      expect(inner.map(parentOf)).to.deep.equal(inner.map(() => idOf(sdk.span('app/in'))));
      expect(parentOf(app)).to.equal(undefined);
      expect(sdk.spans).to.have.length(6);
      expect(eventsOf(app)).to.deep.equal(['3 ready', '10 cancelling Error: enough']);
    });

    it('are separate for two tasks of the same name', () => {
      const twin = (takes: number) => task('twin', { execute: () => timer(takes), finalize: () => timer(1) });
      run([twin(5), twin(3)], 10);
      const spans = sdk.spans.map((span) => [...times(span), eventsOf(span)]);
      expect(spans).to.deep.equal([
        [0, 4, ['0 ready', '3 finalizing']],
        [0, 6, ['0 ready', '5 finalizing']],
      ]);
    });

    it('are separate for two applications that share one instrumentation', async () => {
      const instrumentation = [telemetry()];
      const [, cancel] = withCancel();
      const stuck = launch([task('stuck', () => NEVER)], { instrumentation });
      await launch([task('x', () => 1)], { instrumentation });
      expect(sdk.spans.map(({ name }) => name)).to.deep.equal(['x']);
      cancel();
      await stuck.stop();
      expect(sdk.spans.map(({ name }) => name)).to.deep.equal(['x', 'stuck']);
    });

    it('do not exist for a run without a hook call', () => {
      const [parent, cancel] = withCancel();
      cancel();
      orchestrate([task('x', () => 1)], { parent, instrumentation: [telemetry()] }).subscribe();
      expect(sdk.spans).to.deep.equal([]);
    });

    it('are children of the span that was active at the start of the application, even after a restart', async () => {
      let attempts = 0;
      const flaky = task('flaky', async () => {
        if (++attempts < 3) throw new Error('no');
      });
      const flakyGroup = parallel('group', supervise(task('x', () => 1)));
      await trace.getTracer('app').startActiveSpan('boot', async (boot) => {
        const app = launch([task('plain', () => 1), supervise(flaky, { backoff: { initial: 1 } }), flakyGroup], {
          instrumentation: [telemetry()],
          observer,
        });
        boot.end();
        await context.with(trace.deleteSpan(context.active()), () => app);
      });
      const boot = idOf(sdk.span('boot'));
      const flakies = sdk.spans.filter(({ name }) => name === 'flaky');
      expect(flakies).to.have.length(3);
      const tops = [sdk.span('plain'), sdk.span('group'), ...flakies];
      expect(tops.map(parentOf)).to.deep.equal(tops.map(() => boot));
    });

    it("exist for each restart, linked to the previous run, and the restart is an event of the group's span", () => {
      let attempts = 0;
      const flaky = task('x', () => timer(1).pipe(map(() => (++attempts < 3 ? fail('no') : 'yes'))));
      run([ordered('app', critical(supervise(flaky, { backoff: { initial: 2, jitter: 0 } })))], 50);
      const runs = sdk.spans.filter(({ name }) => name === 'app/x');
      expect(runs.map(times)).to.deep.equal([
        [0, 1],
        [3, 4],
        [8, 9],
      ]);
      expect(runs.map(({ attributes }) => attributes['rxjs_tasks.run.id'])).to.deep.equal([1, 2, 3]);
      expect(runs.map(({ attributes }) => attributes['rxjs_tasks.run.restart'])).to.deep.equal([undefined, 1, 2]);
      expect(runs.map(({ status }) => status.code)).to.deep.equal([2, 2, 0]);
      const [first = NaN, second = NaN] = runs.map(idOf);
      expect(runs.map(linksOf)).to.deep.equal([[], [first], [second]]);
      const app = sdk.span('app');
      expect(runs.map(parentOf)).to.deep.equal(runs.map(() => idOf(app)));
      expect(eventsOf(app).filter((event) => event.includes('restarting'))).to.deep.equal([
        '1 restarting Error app/x 1 0.002',
        '4 restarting Error app/x 2 0.004',
      ]);
    });

    it('are linked through nested supervisors', () => {
      let attempts = 0;
      const flaky = task('x', () => timer(1).pipe(map(() => (++attempts < 3 ? fail('no') : 'yes'))));
      const backoff = { initial: 1, jitter: 0 };
      run([supervise(supervise(flaky, { backoff, maxRestarts: 1 }), { backoff })], 50);
      const ids = sdk.spans.map(idOf);
      expect(sdk.spans.map(linksOf)).to.deep.equal([[], [ids[0]], [ids[1]]]);
      expect(sdk.spans.map(({ attributes }) => attributes['rxjs_tasks.run.restart'])).to.deep.equal([undefined, 1, 1]);
      expect(sdk.spans.map(parentOf)).to.deep.equal([undefined, undefined, undefined]);
    });

    it('of slots are the roots of their own traces, linked to the span of their cron', () => {
      const backup = task('backup', { initialize: () => timer(1), execute: () => timer(2) });
      run([parallel('jobs', cron(backup, 10, { maxRuns: 2 }))], 50);
      const schedule = sdk.span('jobs/backup');
      const slots = sdk.spans.filter(({ name }) => name === 'jobs/backup slot');
      expect(slots.map(times)).to.deep.equal([
        [1, 3],
        [11, 13],
      ]);
      expect(slots.map(parentOf)).to.deep.equal([undefined, undefined]);
      expect(slots.map(linksOf)).to.deep.equal([[idOf(schedule)], [idOf(schedule)]]);
      expect(new Set([schedule, ...slots].map((span) => span.spanContext().traceId))).to.have.property('size', 3);
      expect(slots[1]?.attributes).to.deep.equal({
        'rxjs_tasks.task': 'jobs/backup',
        'rxjs_tasks.run.id': 1,
        'rxjs_tasks.run.kind': 'slot',
        'rxjs_tasks.run.outcome': 'completed',
        'rxjs_tasks.slot': 11,
      });
      expect(parentOf(schedule)).to.equal(idOf(sdk.span('jobs')));
      expect(times(schedule)).to.deep.equal([0, 13]);
      expect(schedule.attributes['rxjs_tasks.run.kind']).to.equal('task');
    });

    it('of crons have events for skipped slots, with the reason', () => {
      const slow = task('slow', () => timer(25));
      run([cron(slow, 10, { overlap: 'bufferOne', tolerance: 5 }), cron(slow, 20)], 35);
      const [buffering, skipping] = sdk.spans.filter(({ name }) => name === 'slow').map(eventsOf);
      expect([...(buffering ?? []), ...(skipping ?? [])].sort()).to.deep.equal(
        [
          '15 overdue 10 0.005',
          '20 skipped 20 overlap',
          '20 skipped 20 overlap',
          '35 skipped 30 ended',
          '35 cancelling Error: enough',
          '35 cancelling Error: enough',
        ].sort(),
      );
    });

    it('of crons have events for missed slots and failed leases', () => {
      const coordinator = {
        lease: (_: string, slot: number) => (slot === 5 ? throwError(() => new RangeError('down')) : of(true, false)),
      };
      const job = task('job', () => NEVER);
      run([cron(job, 5, { lastRun: -20, missed: 'runOnce', coordinator })], 7);
      expect(eventsOf(sdk.span('job'))).to.deep.equal([
        '0 missed -15 3',
        '0 cancelling 0 CancelledError: The lease was revoked',
        '5 skipped 5 RangeError coordinator',
        '7 cancelling Error: enough',
      ]);
      expect(sdk.span('job slot').attributes['rxjs_tasks.run.outcome']).to.equal('cancelled');
    });

    describe('of failed runs', () => {
      it('have an error status, the type of the error, and the exceptions of the hook and of finalize', () => {
        const boom = new TypeError('boom');
        const execute = () => timer(1).pipe(map(() => fail(boom)));
        run([task('x', { execute, finalize: () => fail(new Error('late')) })], 5);
        const { status, attributes, events } = sdk.span('x');
        expect(status).to.deep.equal({ code: SpanStatusCode.ERROR, message: 'x failed in execute: boom' });
        expect(attributes).to.include({
          'error.type': 'TypeError',
          'rxjs_tasks.run.outcome': 'failed',
          'rxjs_tasks.run.phase': 'execute',
        });
        const exceptions = events.filter(({ name }) => name === 'exception');
        expect(exceptions.map(({ attributes }) => attributes?.['exception.message'])).to.deep.equal(['boom', 'late']);
        expect(exceptions[0]?.attributes).to.include({
          'exception.type': 'TypeError',
          'exception.stacktrace': boom.stack,
        });
        expect(exceptions[0]?.time).to.deep.equal([0, 1_000_000]);
      });

      it('have the exception only on the failed task, and the error status up to the group', () => {
        const x = task('x', () => timer(1).pipe(map(() => fail('no'))));
        const y = task('y', { execute: () => NEVER, finalize: () => fail('neither') });
        run([parallel('app', x, y)], 5);
        const failed = ['app/x', 'app/y', 'app'].map((name) => sdk.span(name));
        expect(failed.map(({ status }) => status.code)).to.deep.equal([2, 2, 2]);
        expect(failed.map(({ attributes }) => attributes['error.type'])).to.deep.equal(['Error', 'Error', 'Error']);
        const exceptions = failed.map(({ events }) => events.filter(({ name }) => name === 'exception').length);
        expect(exceptions).to.deep.equal([1, 1, 0]);
      });

      it('have one exception for an exceeded restart limit, and one for a slot that ends its cron', () => {
        const broken = (name: string) => task(name, () => fail(`no ${name}`));
        const limited = ordered('app', supervise(broken('x'), { maxRestarts: 0 }));
        run([limited, cron(broken('job'), 10, { onError: 'stop' })], 5, { onFailure: 'continue' });
        const types = sdk.spans.map(({ name, attributes, events }) => [
          name,
          attributes['error.type'],
          ...events.flatMap((event) => event.attributes?.['exception.type'] ?? []),
        ]);
        expect(types).to.deep.equal([
          ['app/x', 'Error', 'Error'],
          ['app', 'RestartLimitError', 'RestartLimitError'],
          ['job slot', 'Error', 'Error'],
          ['job', 'Error'],
        ]);
      });

      it("have the error's code as its type, and `_OTHER` for a value that is not an error", () => {
        const refused = Object.assign(new Error('no'), { code: 'ECONNREFUSED' });
        run(
          [
            task('code', () => fail(refused)),
            task('none', () => throwError(() => 'just text')),
            task('number', () => fail(Object.assign(new Error('gone'), { code: 20 }))),
          ],
          5,
          { onFailure: 'continue' },
        );
        const types = sdk.spans.map(({ name, attributes }) => [name, attributes['error.type']]);
        expect(types).to.deep.equal([
          ['code', 'ECONNREFUSED'],
          ['none', '_OTHER'],
          ['number', 'Error'],
        ]);
        const [exception] = sdk.span('none').events.filter(({ name }) => name === 'exception');
        expect(exception?.attributes).to.include({ 'exception.message': "none failed in execute: 'just text'" });
      });

      it("of a slot's timeout are the slot's alone, even if its task never ends", () => {
        const hung = task('hung', () => new Promise(() => undefined));
        run(
          [
            cron(
              task('job', () => NEVER),
              10,
              { timeout: 4 },
            ),
            cron(hung, 10, { timeout: 4 }),
          ],
          5,
        );
        for (const name of ['job', 'hung']) {
          const slot = sdk.span(`${name} slot`);
          expect(times(slot)).to.deep.equal([0, 4]);
          expect(slot.attributes).to.include({ 'error.type': 'DeadlineError', 'rxjs_tasks.run.outcome': 'failed' });
          expect(sdk.span(name).status.code).to.equal(SpanStatusCode.UNSET);
        }
      });

      it('have the failure at its moment, while `finalize` hangs', () => {
        virtually((_, scheduler) => {
          const [parent, cancel] = withCancel(background, { scheduler });
          const hung = { execute: () => timer(3).pipe(map(fails)), finalize: () => NEVER };
          const options = { instrumentation: [telemetry()], parent, timeout: 10 };
          orchestrate([task('x', hung)], options).subscribe();
          scheduler.schedule(() => cancel(new Error('enough')), 5);
          scheduler.flush();
        });
        const span = sdk.span('x');
        expect(times(span)).to.deep.equal([0, 13]);
        expect(eventsOf(span).map(firstWords)).to.deep.equal(['0 ready', '3 exception', '3 finalizing']);
        expect(span.status).to.deep.equal({ code: SpanStatusCode.ERROR, message: 'Timed out in finalize' });
        expect(span.attributes).to.include({
          'error.type': 'RangeError',
          'rxjs_tasks.run.phase': 'finalize',
          'rxjs_tasks.run.outcome': 'timed-out',
        });
      });

      it('have the status of an error from the moment of the failure on', () => {
        let code: SpanStatusCode | undefined;
        const finalize = () => {
          code = (trace.getActiveSpan() as ReadableSpan | undefined)?.status.code;
        };
        run([task('x', { execute: fails, finalize })], 5);
        expect(code).to.equal(SpanStatusCode.ERROR);
      });

      it('have what fails beside a run as events, and its exception', () => {
        const lost = task('x', (ctx) => void future(fails, ctx));
        run([lost], 5);
        const span = sdk.span('x');
        expect(eventsOf(span).map(firstWords)).to.deep.equal(['0 future-failed', '0 exception']);
        expect(span.events.at(-1)?.attributes).to.include({ 'exception.message': 'no disk' });
        expect(span.status.code).to.equal(SpanStatusCode.UNSET);
      });

      it('end once, at the deadline, when a join stops waiting for them', () => {
        const released: (string | undefined)[] = [];
        const stuck = { execute: () => NEVER, grace: 50, finalize: () => released.push(activeId()) };
        run([parallel('app', task('x', stuck), cron(task('job', stuck), 100))], 5, { timeout: 10 });
        // The innermost and the last come first.
        expect(sdk.spans.map(({ name, attributes }) => [name, attributes['rxjs_tasks.run.outcome']])).to.deep.equal([
          ['app/job slot', 'timed-out'],
          ['app/job', 'timed-out'],
          ['app/x', 'timed-out'],
          ['app', 'timed-out'],
        ]);
        for (const span of sdk.spans) {
          expect(times(span)[1]).to.equal(15);
          expect(span.status).to.deep.equal({ code: SpanStatusCode.ERROR, message: 'Timed out in execute' });
          expect(span.attributes).to.include({ 'error.type': 'timed-out', 'rxjs_tasks.run.phase': 'execute' });
        }
        // Their later hooks still run in their spans.
        expect(released).to.deep.equal([idOf(sdk.span('app/x')), idOf(sdk.span('app/job'))]);
      });
    });

    describe('are active', () => {
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
  });

  describe('metrics', () => {
    const of = (name: string, kind = 'task') => ({ 'rxjs_tasks.task': name, 'rxjs_tasks.run.kind': kind });

    it('count runs, failures by the type of the error, and restarts', async () => {
      const broken = task('broken', () => timer(1).pipe(map(() => fail('no'))));
      run([task('x', () => 1), supervise(broken, { maxRestarts: 2, backoff: { initial: 1, jitter: 0 } })], 50, {
        onFailure: 'continue',
      });
      expect(await sdk.points('rxjs_tasks.runs')).to.deep.equal([
        [of('x'), 1],
        [of('broken'), 3],
      ]);
      expect(await sdk.points('rxjs_tasks.failures')).to.deep.equal([[{ ...of('broken'), 'error.type': 'Error' }, 3]]);
      expect(await sdk.points('rxjs_tasks.restarts')).to.deep.equal([[{ 'rxjs_tasks.task': 'broken' }, 2]]);
    });

    it('count skipped slots by their reason, and missed slots', async () => {
      run(
        [
          cron(
            task('slow', () => timer(25)),
            10,
            { lastRun: -40, missed: 'runOnce' },
          ),
        ],
        30,
      );
      expect(await sdk.points('rxjs_tasks.skips')).to.deep.equal([
        [{ 'rxjs_tasks.task': 'slow', 'rxjs_tasks.reason': 'overlap' }, 2],
      ]);
      expect(await sdk.points('rxjs_tasks.missed')).to.deep.equal([[{ 'rxjs_tasks.task': 'slow' }, 3]]);
    });

    it('count a failure once, at its moment, even if `finalize` hangs', async () => {
      run([task('x', { execute: fails, finalize: () => NEVER })], 5, { timeout: 10 });
      expect(await sdk.points('rxjs_tasks.failures')).to.deep.equal([[{ ...of('x'), 'error.type': 'RangeError' }, 1]]);
    });

    it('measure the duration of runs in seconds, by their outcome', async () => {
      const job = task('job', ({ slot }) => (slot === 0 ? timer(250) : NEVER));
      run([cron(job, 1000)], 1500);
      expect(await sdk.points('rxjs_tasks.run.duration')).to.deep.equal([
        [{ ...of('job', 'slot'), 'rxjs_tasks.run.outcome': 'completed' }, 0.25],
        [{ ...of('job', 'slot'), 'rxjs_tasks.run.outcome': 'cancelled' }, 0.5],
        [{ ...of('job'), 'rxjs_tasks.run.outcome': 'cancelled' }, 1.5],
      ]);
    });

    it('count and measure a run once, from its first hook to its last', async () => {
      run([task('x', { initialize: () => timer(200), execute: () => timer(300), finalize: () => timer(500) })], 5000);
      expect(await sdk.points('rxjs_tasks.runs')).to.deep.equal([[of('x'), 1]]);
      expect(await sdk.points('rxjs_tasks.run.duration')).to.deep.equal([
        [{ ...of('x'), 'rxjs_tasks.run.outcome': 'completed' }, 1],
      ]);
    });

    it('measure the lateness of slots in seconds', async () => {
      run(
        [
          cron(
            task('slow', () => timer(1500)),
            1000,
            { overlap: 'bufferOne', maxRuns: 2 },
          ),
        ],
        9000,
      );
      expect(await sdk.points('rxjs_tasks.slot.lateness')).to.deep.equal([[{ 'rxjs_tasks.task': 'slow' }, 0.5]]);
    });

    it('measure no negative lateness or duration after the clock was set back', async () => {
      const { wrapHook, onRunEnd } = telemetry();
      const { cancelled, cause, cancelled$, signal } = background;
      const clock = virtualClock(1000);
      const slot: RunContext = {
        task: 'x',
        runId: 1,
        slot: 5000,
        scheduler: clock,
        cancelled,
        cause,
        cancelled$,
        signal,
      };
      wrapHook?.(slot, 'execute', () => clock.adjust(-500));
      onRunEnd?.(slot, { status: 'completed', startedAt: 1000, at: clock.now() });
      expect(await sdk.points('rxjs_tasks.slot.lateness')).to.deep.equal([[{ 'rxjs_tasks.task': 'x' }, 0]]);
      expect((await sdk.points('rxjs_tasks.run.duration')).map(([, seconds]) => seconds)).to.deep.equal([0]);
    });

    it('count runs that a join no longer waits for as failures', async () => {
      run([task('x', { execute: () => NEVER, grace: 50 })], 5, { timeout: 10 });
      expect(await sdk.points('rxjs_tasks.failures')).to.deep.equal([[{ ...of('x'), 'error.type': 'timed-out' }, 1]]);
      const duration = { ...of('x'), 'rxjs_tasks.run.outcome': 'timed-out', 'error.type': 'timed-out' };
      expect(await sdk.points('rxjs_tasks.run.duration')).to.deep.equal([[duration, 0.015]]);
    });

    it('have their units', async () => {
      const flaky = supervise(
        task('x', () => fail('no')),
        { maxRestarts: 1, backoff: { initial: 1 } },
      );
      const slow = cron(
        task('slow', () => timer(25)),
        10,
        { lastRun: -40, missed: 'runOnce' },
      );
      run([flaky, slow], 30, { onFailure: 'continue' });
      const names = ['runs', 'failures', 'restarts', 'skips', 'missed', 'run.duration', 'slot.lateness'];
      const units = await Promise.all(names.map((name) => sdk.unit(`rxjs_tasks.${name}`)));
      expect(units).to.deep.equal(['{run}', '{run}', '{restart}', '{slot}', '{slot}', 's', 's']);
    });
  });

  it('can be created before the SDK is registered', async () => {
    sdk.unregister();
    const instrumentation = [telemetry()];
    sdk.register();
    await launch([task('x', () => 1)], { instrumentation });
    expect(sdk.spans.map(({ name }) => name)).to.deep.equal(['x']);
    expect(await sdk.points('rxjs_tasks.runs')).to.have.length(1);
  });

  it('does nothing when no SDK is registered', async () => {
    sdk.unregister();
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
      {
        instrumentation: [telemetry()],
      },
    );
    expect(report.clean).to.equal(true);
  });

  it('uses the given tracer and meter', async () => {
    const other = new Sdk();
    const tracer = trace.getTracer('mine');
    other.register();
    await launch([task('x', () => 1)], { instrumentation: [telemetry({ tracer })] });
    expect(sdk.span('x').instrumentationScope.name).to.equal('mine');
  });

  it('passes errors of its tracer and its meter to the diagnostics of the API alone', async () => {
    const errors: unknown[][] = [];
    const log = () => undefined;
    const error = (...args: unknown[]) => errors.push(args);
    diag.setLogger({ error, warn: log, info: log, debug: log, verbose: log });
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
    diag.disable();
    expect([report.clean, values]).to.deep.equal([true, ['ran', 'done']]);
    expect(errors.length).to.be.above(3);
    expect(new Set(errors.map(([scope]) => scope))).to.deep.equal(new Set(['rxjs-tasks']));
    expect(errors.map(([, reason]) => String(reason))).to.include.members([
      'Error: no telemetry',
      'TypeError: meter.createCounter is not a function',
    ]);
  });

  it('rejects unknown and invalid options', () => {
    const withOptions = (options: unknown) => () => telemetry(options as never);
    expect(withOptions(null)).to.throw(TypeError, 'Expected `options` to be an object, got null');
    expect(withOptions({ tracr: 1 })).to.throw(TypeError, 'Expected `options` to be made of `tracer`, `meter`');
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
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc?.();
    const kept = spans.filter((span) => span.deref()).length;
    cancel();
    expect(spans).to.have.length.above(10_000);
    // The spans of the crons, and of runs that have just ended.
    expect(kept).to.be.within(20, 200);
  });
});

function fail(error: string | Error): never {
  throw typeof error === 'string' ? new Error(error) : error;
}
