import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { expect } from 'chai';
import { createServer } from 'node:http';
import pg from 'pg';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { launch, task, taskRunner, type Application, type Runnable } from 'rxjs-tasks';
import type { Fleet, JobHandler, Queue, WorkerOptions } from 'rxjs-tasks/fleet';
import { httpServer } from 'rxjs-tasks/http';
import { telemetry } from 'rxjs-tasks/otel';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { idOf, linksOf, parentOf, Sdk, traceOf, unregisterTelemetry } from '../helpers/telemetry.js';
import { waitUntil } from '../helpers/wait.js';

describe('telemetry of a fleet', () => {
  const fleets = new Fleets();
  const apps: Application[] = [];
  let submitting: Fleet;
  let working: Fleet;
  /** The SDK of the process that submits, which is the global one, and that of the process that works. */
  let submitter: Sdk;
  let worker: Sdk;
  let queues = 0;

  before(async () => {
    submitting = await fleets.connect({ name: 'submits' });
    working = await fleets.connect({ name: 'works' });
  });
  after(() => fleets.close());

  beforeEach(() => {
    submitter = new Sdk();
    worker = new Sdk();
    submitter.register();
  });
  afterEach(async () => {
    await stopAll();
    unregisterTelemetry();
  });

  function run(sdk: Sdk, ...runnables: Runnable[]): void {
    const { tracer, meter } = sdk;
    apps.push(launch(runnables, { instrumentation: [telemetry({ tracer, meter })], observer: () => undefined }));
  }

  async function stopAll(): Promise<void> {
    for (const app of apps.splice(0).reverse()) await app.stop();
  }

  /** Runs a worker in the other process. Returns the queue of this one. */
  function work<In, Out>(handler: JobHandler<In, Out>, options?: WorkerOptions): Queue<In, Out> {
    const name = `traced-${++queues}`;
    run(worker, working.queue<In, Out>(name).worker(handler, { name: 'worker', ...options }));
    return submitting.queue<In, Out>(name);
  }

  /** Calls a function in an active span of this process. */
  async function inSpan(call: () => Promise<unknown>): Promise<void> {
    await submitter.tracer.startActiveSpan('caller', async (span) => {
      await call();
      span.end();
    });
  }

  async function storedData(queue: string): Promise<unknown[]> {
    const url = await sharedUrl();
    const jobs = `${fleets.schema}_jobs.job`;
    const rows = await statement<{ data: unknown }>(url, `select data from ${jobs} where name = '${queue}'`);
    return rows.map(({ data }) => data);
  }

  it('has one trace from a request, through a job that another process runs, to a run within the job', async () => {
    const queue = work<number, number>((input, ctx) => taskRunner(task('resize', () => 2 * input)).start(ctx));
    const http = taskRunner(
      httpServer(
        (ctx) =>
          createServer((_, response) => {
            const request = task('request', async () => {
              response.end(String(await lastValueFrom(queue.submit(21))));
            });
            taskRunner(request).start(ctx).subscribe();
          }),
        { port: 0, host: '127.0.0.1' },
      ),
    );
    const url = firstValueFrom(http.results$);
    run(submitter, http);
    expect(await (await fetch(await url)).text()).to.equal('42');
    await stopAll();

    const request = submitter.span('http/request');
    const job = worker.span('worker/job');
    const child = worker.span('worker/job/resize');
    expect([traceOf(job), traceOf(child)]).to.deep.equal([traceOf(request), traceOf(request)]);
    expect([parentOf(job), parentOf(child)]).to.deep.equal([idOf(request), idOf(job)]);
    expect(job.links).to.deep.equal([]);
    expect(traceOf(worker.span('worker'))).not.to.equal(traceOf(request));
  });

  it('has an enqueued job as the root of its own trace, linked to the code that has enqueued it', async () => {
    const queue = work(() => 1);
    let id = '';
    await inSpan(async () => {
      id = await queue.enqueue('x');
    });
    await lastValueFrom(queue.result(id));
    await stopAll();
    const job = worker.span('worker/job');
    const caller = submitter.span('caller');
    expect(parentOf(job)).to.equal(undefined);
    expect(traceOf(job)).not.to.equal(traceOf(caller));
    expect(linksOf(job)).to.deep.equal([idOf(caller)]);
    expect(job.kind).to.equal(SpanKind.CONSUMER);
    expect(job.attributes).to.deep.equal({
      'rxjs_tasks.task': 'worker/job',
      'rxjs_tasks.run.kind': 'job',
      'rxjs_tasks.run.id': 1,
      'rxjs_tasks.run.outcome': 'completed',
      'rxjs_tasks.job.attempt': 1,
      'messaging.system': 'rxjs_tasks',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': queue.name,
      'messaging.message.id': id,
    });
  });

  it('has the spans of several enqueued jobs linked to the same code', async () => {
    const queue = work(() => 1);
    let ids: string[] = [];
    await inSpan(async () => {
      ids = await queue.enqueueMany([1, 2]);
    });
    for (const id of ids) await lastValueFrom(queue.result(id));
    await stopAll();
    const caller = idOf(submitter.span('caller'));
    const jobs = worker.spans.filter(({ name }) => name === 'worker/job');
    expect(jobs.map(linksOf)).to.deep.equal([[caller], [caller]]);
  });

  it('has a span for each attempt, each a child of the code that waits', async () => {
    const queue = work((_: unknown, __, { attempt }) => {
      if (attempt === 1) throw new RangeError('no');
      return attempt;
    });
    // Without a backoff, the second attempt begins at once.
    const retrying = submitting.queue<unknown, number>(queue.name, { retries: 1, backoff: { initial: 0 } });
    await inSpan(() => lastValueFrom(retrying.submit(1)));
    await stopAll();
    const jobs = worker.spans.filter(({ name }) => name === 'worker/job');
    const caller = idOf(submitter.span('caller'));
    expect(jobs.map(parentOf)).to.deep.equal([caller, caller]);
    expect(jobs.map(({ attributes }) => attributes['rxjs_tasks.job.attempt'])).to.deep.equal([1, 2]);
    expect(jobs.map(({ attributes }) => attributes['error.type'])).to.deep.equal(['RangeError', undefined]);
  });

  it('restores the baggage of the code that has submitted a job', async () => {
    const queue = work(() => propagation.getActiveBaggage()?.getEntry('tenant')?.value);
    const baggage = propagation.createBaggage({ tenant: { value: 'acme' } });
    const tenant = context.with(propagation.setBaggage(context.active(), baggage), () =>
      lastValueFrom(queue.submit(1)),
    );
    expect(await tenant).to.equal('acme');
  });

  it('stores no trace outside of a span, and has the job as a root that is linked to its worker', async () => {
    const queue = work(() => 1);
    await lastValueFrom(queue.submit('x'));
    await stopAll();
    expect(await storedData(queue.name)).to.deep.equal([{ input: 'x', awaited: true }]);
    const job = worker.span('worker/job');
    expect(parentOf(job)).to.equal(undefined);
    expect(linksOf(job)).to.deep.equal([idOf(worker.span('worker'))]);
  });

  it('runs a job whose trace is forged or malformed, as one without a trace', async () => {
    const queue = work((input: unknown) => input);
    await lastValueFrom(queue.submit('first'));
    const url = await sharedUrl();
    const forged: unknown[] = [
      null,
      'x',
      [],
      { traceparent: 5 },
      { traceparent: '00-zz-zz-01' },
      { traceparent: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01` },
      { traceparent: 'x'.repeat(100_000), tracestate: { a: 1 } },
      { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x', baggage: '%zz=%zz,%' },
      { baggage: '%zz=%zz', constructor: 'x', __proto__: { traceparent: 'x' } },
    ];
    for (const [index, fields] of forged.entries()) {
      const data = JSON.stringify({ input: index, awaited: true, trace: fields });
      const [row] = await statement<{ id: string }>(
        url,
        `insert into ${fleets.schema}_jobs.job (name, data) values ('${queue.name}', '${data}') returning id`,
      );
      expect(await lastValueFrom(queue.result(row?.id ?? ''))).to.equal(index);
    }
    await stopAll();
    const jobs = worker.spans.filter(({ name }) => name === 'worker/job');
    expect(jobs).to.have.length(forged.length + 1);
    const own = idOf(worker.span('worker'));
    for (const job of jobs) expect([parentOf(job), linksOf(job)]).to.deep.equal([undefined, [own]]);
  });

  it('has no span for a poll that finds no job, whose statements run in the span of the worker', async () => {
    const polls: (string | undefined)[] = [];
    const pool = new pg.Pool({ connectionString: await sharedUrl() });
    const query = pool.query.bind(pool) as (...args: unknown[]) => unknown;
    Object.assign(pool, {
      query: (text: unknown, ...args: unknown[]) => {
        if (String((text as { text?: string }).text ?? text).includes('claim_jobs'))
          polls.push((trace.getActiveSpan() as ReadableSpan | undefined)?.name);
        return query(text, ...args);
      },
    });
    const pooled = await fleets.connect({ url: undefined, pool });
    const queue = pooled.queue<number, number>('polled');
    run(
      worker,
      queue.worker((input) => input, { name: 'worker' }),
    );
    await lastValueFrom(queue.submit(1));
    const count = polls.length;
    while (polls.length < count + 3) {
      const before = polls.length;
      await queue.resume();
      await waitUntil(() => polls.length > before);
    }
    await stopAll();
    expect(new Set(polls)).to.deep.equal(new Set(['worker']));
    expect(worker.spans.map(({ name }) => name)).to.deep.equal(['worker/job', 'worker']);
    await pooled.close();
    await pool.end();
  });

  it('counts and measures jobs apart from their worker', async () => {
    const queue = work(() => 1);
    for (const input of [1, 2]) await lastValueFrom(queue.submit(input));
    await stopAll();
    const of = (name: string, kind: string) => ({ 'rxjs_tasks.task': name, 'rxjs_tasks.run.kind': kind });
    expect(await worker.points('rxjs_tasks.runs')).to.deep.equal([
      [of('worker', 'task'), 1],
      [of('worker/job', 'job'), 2],
    ]);
  });
});
