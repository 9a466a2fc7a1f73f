import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { map, NEVER, of, throwError, timer } from 'rxjs';
import {
  critical,
  cron,
  launch,
  orchestrate,
  ordered,
  parallel,
  supervise,
  task,
  withCancel,
} from '../../lib/index.js';
import { telemetry } from '../../lib/otel/index.js';
import { idOf, linksOf, parentOf, registeredSdk, times } from '../helpers/telemetry.js';
import { eventsOf, fail, observer, run } from './helpers.js';

describe('The spans of telemetry', () => {
  const { sdk } = registeredSdk();

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
    run([task('x', () => timer(1500.25))], 2000);
    expect(times(sdk.span('x'))).to.deep.equal([0, 1500.25]);
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
    const stuck = launch([task('stuck', () => NEVER)], { instrumentation });
    await launch([task('x', () => 1)], { instrumentation });
    expect(sdk.spans.map(({ name }) => name)).to.deep.equal(['x']);
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
});
