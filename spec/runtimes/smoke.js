// Smoke tests for every runtime, without a test runner.
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { firstValueFrom, forkJoin, lastValueFrom, NEVER, Subject, take, timer, toArray } from 'rxjs';
import * as core from 'rxjs-tasks';
import { httpServer } from 'rxjs-tasks/http';
import { inspector } from 'rxjs-tasks/inspect';
import { scenario, script } from 'rxjs-tasks/testing';
import { threadPool } from 'rxjs-tasks/threads';

const {
  CancelledError,
  DeadlineError,
  cron,
  future,
  launch,
  nextRuns,
  ordered,
  supervise,
  task,
  taskRunner,
  withCancel,
  withTimeout,
} = core;

const checks = {
  async 'runs initialize, execute and finalize'() {
    const calls = [];
    const db = task('db', {
      initialize: () => Promise.resolve(calls.push('initialize')),
      execute: (ctx) => (calls.push('execute'), ctx.cancelled$),
      finalize: () => calls.push('finalize'),
    });
    const app = launch([
      ordered(
        'app',
        db,
        task('late', () => calls.push('late')),
      ),
    ]);
    await lastValueFrom(timer(50));
    assert.equal((await app.stop()).clean, true);
    assert.deepEqual(calls, ['initialize', 'execute', 'late', 'finalize']);
  },

  async 'awaits and cancels futures'() {
    assert.deepEqual(await lastValueFrom(forkJoin([future(async () => 1), future(() => timer(5))])), [1, 0]);
    const hanging = future(() => new Promise(() => undefined));
    hanging.cancel();
    await assert.rejects(hanging.await(), CancelledError);
  },

  async 'aborts signals at a deadline and with a parent signal'() {
    const [ctx] = withTimeout(20);
    await once(ctx.signal, 'abort');
    assert.ok(ctx.signal.reason instanceof DeadlineError);
    const controller = new AbortController();
    const [child] = withCancel(controller.signal);
    controller.abort('enough');
    assert.equal(child.cause, 'enough');
  },

  async 'keeps the AsyncLocalStorage stores of tasks, subscribers and futures apart'() {
    const store = new AsyncLocalStorage();
    const seen = [];
    const record = (name) => seen.push(`${name} ${store.getStore()}`);
    const source = new Subject();
    const start = (name) => {
      const [ctx, cancel] = withCancel();
      const hooks = task(name, { execute: () => NEVER, finalize: () => record(`${name} finalize`) });
      taskRunner(hooks)
        .start(ctx)
        .subscribe({ complete: () => record(`${name} complete`) });
      taskRunner(task(name, () => source))
        .start(ctx)
        .subscribe((value) => record(`${name} ${value}`));
      const ticks = task(name, async () => record(`${name} tick`));
      const ticked = lastValueFrom(cron(ticks, 20, { immediate: false, maxRuns: 2 }).start(ctx));
      future(() => source.pipe(take(1)), ctx).subscribe(() => record(`${name} future`));
      return { cancel, ticked };
    };
    const apps = ['acme', 'bolt'].map((name) => store.run(name, () => start(name)));
    apps.push(start('none'));
    store.run('other', () => source.next('value'));
    await Promise.all(apps.map(({ ticked }) => ticked));
    store.run('other', () => apps.forEach(({ cancel }) => cancel()));
    for (const name of ['acme', 'bolt', 'none']) {
      const own = name === 'none' ? undefined : name;
      const events = ['value', 'future', 'tick', 'tick', 'finalize', 'complete'];
      assert.deepEqual(
        seen.filter((each) => each.startsWith(name)),
        events.map((event) => `${name} ${event} ${own}`),
      );
    }
  },

  async 'runs a cron without drift'() {
    let runs = 0;
    const start = Date.now();
    await lastValueFrom(
      cron(
        task('tick', () => ++runs),
        50,
        { maxRuns: 5 },
      )
        .start()
        .pipe(toArray()),
    );
    assert.equal(runs, 5);
    assert.ok(Date.now() - start >= 195);
  },

  'computes cron times across a change to summer time'() {
    const [night] = nextRuns('30 2 * * *', 1, { from: new Date('2026-03-28T12:00:00Z'), timezone: 'Europe/Berlin' });
    assert.equal(night.toISOString(), '2026-03-29T01:00:00.000Z');
  },

  async 'restarts a failed task'() {
    let tries = 0;
    const flaky = task('flaky', () => {
      if (++tries < 3) throw new Error('not yet');
      return tries;
    });
    const supervised = supervise(flaky, { backoff: { initial: 1 } });
    const restarts = [];
    supervised.events$.subscribe(({ type }) => type === 'restarting' && restarts.push(type));
    assert.deepEqual(await lastValueFrom(supervised.start().pipe(toArray())), [3]);
    assert.equal(restarts.length, 2);
  },

  async 'takes async generators and web streams'() {
    const generated = taskRunner(
      task('generator', async function* () {
        yield* [1, 2, 3];
      }),
    );
    assert.deepEqual(await lastValueFrom(generated.start().pipe(take(2), toArray())), [1, 2]);
    const streamed = taskRunner(task('stream', () => new Blob(['tea']).stream()));
    assert.equal((await lastValueFrom(streamed.start())).length, 3);
  },

  async 'runs a scenario in virtual time'() {
    await scenario({
      at: '2026-03-29T00:59:00Z',
      run: () => [ordered('shop', script('db', '[-->--(!])-|'), script('http', '[->--(!])---|'))],
      signals: '----------T',
      expect: `
        shop/db    [-->-------   ---(!])-|
        shop/http  ---[->----(!])---|
      `,
    });
  },

  async 'answers probes'() {
    const page = inspector({ port: 0 });
    const address = firstValueFrom(page.results$);
    const app = launch([page]);
    assert.equal((await fetch(new URL('/livez', await address))).status, 200);
    assert.equal((await app.stop()).clean, true);
  },

  async 'stops an HTTP server with its last answer'() {
    let answer;
    const server = createServer((request, response) => {
      if (request.url === '/slow') answer = () => response.end('done');
      else response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
    });
    // Its servers of node:http do not have the connections of node:net.
    if ('Bun' in globalThis) return void assert.throws(() => httpServer(server, 0), TypeError);
    const http = taskRunner(httpServer(server, { port: 0, host: '127.0.0.1' }));
    const address = firstValueFrom(http.results$);
    const app = launch([http], { timeout: 60_000 });
    const url = await address;
    const unused = connect(Number(new URL(url).port), '127.0.0.1');
    const events = await fetch(url);
    const slow = fetch(new URL('/slow', url));
    await once(server, 'request');
    const ended = app.stop();
    await once(unused, 'close');
    answer();
    assert.equal(await (await slow).text(), 'done');
    assert.equal((await ended).clean, true);
    await assert.rejects(events.text());
  },

  async 'runs functions in threads'() {
    const pool = threadPool({ threads: 1 });
    assert.equal(await lastValueFrom(pool.run(new URL('square.js', import.meta.url), 7)), 49);
    await pool.close();
  },

  'exports the same values to require'() {
    const required = createRequire(import.meta.url)('./required.cjs');
    for (const key of Object.keys(core)) assert.equal(required[key], core[key], key);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
  } catch (error) {
    failed++;
    console.log(`  FAILED  ${name}\n`, error);
  }
}
console.log(`  ${Object.keys(checks).length - failed} of ${Object.keys(checks).length} smoke tests pass`);
process.exit(failed === 0 ? 0 : 1);
