import { SpanStatusCode, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { expect } from 'chai';
import { map, NEVER, throwError, timer } from 'rxjs';
import { cron, future, ordered, parallel, supervise, task, TaskError } from '../../lib/index.js';
import { idOf, registeredSdk, times } from '../helpers/telemetry.js';
import { activeId, eventsOf, fail, fails, run } from './helpers.js';

/** Returns the time and the name of an event. */
const firstWords = (event: string) => event.split(' ').slice(0, 2).join(' ');

describe('The spans of failed runs', () => {
  const { sdk } = registeredSdk();

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

  it('are those of the slot that has failed, among several slots of the same time', () => {
    const boom = new Error('boom');
    let calls = 0;
    const job = cron(
      task('job', () => (++calls === 1 ? timer(1).pipe(map(() => fail(boom))) : timer(3))),
      1000,
      { immediate: false, overlap: 'allowAll' },
    );
    const triggering = task('triggering', () => {
      for (let call = 0; call < 3; call++) void job.trigger();
      return timer(10);
    });
    run([job, triggering], 20);
    const slots = sdk.spans.filter(({ name }) => name === 'job slot');
    expect(slots.map(({ status, events }) => [status.code, events.length])).to.deep.equal([
      [SpanStatusCode.ERROR, 1],
      [SpanStatusCode.UNSET, 0],
      [SpanStatusCode.UNSET, 0],
    ]);
  });

  it("have the error's code as its type, and `_OTHER` for a value that is not an error", () => {
    const refused = Object.assign(new Error('no'), { code: 'ECONNREFUSED' });
    run(
      [
        task('code', () => fail(refused)),
        task('none', () => throwError(() => 'just text')),
        task('number', () => fail(Object.assign(new Error('gone'), { code: 20 }))),
        task('nested', () => fail(new TaskError('y', 'execute', 'just text'))),
        task('long', () => fail(Object.assign(new Error('no'), { code: 'E'.repeat(1000) }))),
      ],
      5,
      { onFailure: 'continue' },
    );
    const types = sdk.spans.map(({ name, attributes }) => [name, attributes['error.type']]);
    expect(types).to.deep.equal([
      ['code', 'ECONNREFUSED'],
      ['none', '_OTHER'],
      ['number', 'Error'],
      ['nested', 'TaskError'],
      ['long', 'E'.repeat(100)],
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
    const hung = { execute: () => timer(3).pipe(map(fails)), finalize: () => NEVER };
    run([task('x', hung)], 5, { timeout: 10 });
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
