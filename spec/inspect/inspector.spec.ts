import { expect } from 'chai';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { firstValueFrom, NEVER, Subject, timer, toArray } from 'rxjs';
import {
  cron,
  launch,
  ordered,
  supervise,
  task,
  taskRunner,
  type Application,
  type LaunchOptions,
  type Runnable,
} from '../../lib/index.js';
import { inspector, type AppState, type FleetStateSource, type InspectorOptions } from '../../lib/inspect/index.js';
import type { RecordedEvent } from '../../lib/recording/types.js';
import { exampleFleet } from '../helpers/example-fleet.js';
import { ask, open, serverSent, type ServerSentEvent } from '../helpers/http.js';

const running: Application[] = [];

/** An application with an inspector, and where that is. */
async function inspected(
  tasks: readonly Runnable[],
  options: LaunchOptions = {},
  inspect: Partial<InspectorOptions> = {},
): Promise<{ app: Application; url: string }> {
  const runner = taskRunner(inspector({ port: 0, ...inspect }));
  const url = firstValueFrom(runner.results$);
  const app = launch([runner, ...tasks], { observer: () => undefined, ...options });
  running.push(app);
  return { app, url: await url };
}

async function eventsUntil(
  stream: AsyncGenerator<ServerSentEvent>,
  enough: (told: ServerSentEvent[], events: RecordedEvent[]) => boolean,
): Promise<{ told: ServerSentEvent[]; events: RecordedEvent[] }> {
  const told: ServerSentEvent[] = [];
  const events: RecordedEvent[] = [];
  for await (const one of stream) {
    told.push(one);
    if (one.event === 'events') events.push(...(one.data as RecordedEvent[]));
    if (enough(told, events)) return { told, events };
  }
  throw new Error(`It ended with ${JSON.stringify(told)}`);
}

const stateAt = async (url: string) => JSON.parse((await ask(`${url}snapshot`)).body) as AppState;
const still = (name: string) => task(name, () => NEVER);
const slow = (name: string, ms: number) => task(name, { execute: () => NEVER, finalize: () => timer(ms) });

describe('inspector', () => {
  afterEach(async () => {
    await Promise.all(running.splice(0).map((app) => app.stop()));
  });

  describe('probes', () => {
    it('is live, and ready when all tasks are', async () => {
      const up$ = new Subject<void>();
      const { app, url } = await inspected([task('db', { initialize: () => up$, execute: () => NEVER })]);
      const before = await ask(`${url}readyz`);
      expect([before.status, before.body, before.headers['content-type']]).to.deep.equal([
        503,
        '{"ready":false}\n',
        'application/json',
      ]);
      expect((await ask(`${url}livez`)).body).to.equal('{"live":true}\n');
      up$.complete();
      const after = await ask(`${url}readyz`);
      expect([after.status, after.body, app.ready]).to.deep.equal([200, '{"ready":true}\n', true]);
    });

    it('is live and not ready during the drain, and while the others end', async () => {
      const { app, url } = await inspected([slow('slow', 200)], { drainDelay: 150 });
      expect((await ask(`${url}readyz`)).status).to.equal(200);
      const report = app.stop();
      expect((await ask(`${url}readyz`)).status).to.equal(503);
      expect((await ask(`${url}livez`)).status).to.equal(200);
      await delay(250);
      expect((await ask(`${url}readyz`)).status).to.equal(503);
      expect((await stateAt(url)).tasks.map(({ status }) => status)).to.deep.equal(['running', 'finalizing']);
      expect((await report).clean).to.equal(true);
    });

    it('answers whoever probes by any name, and without the token', async () => {
      const { url } = await inspected([], {}, { token: 'x'.repeat(16) });
      expect((await ask(`${url}readyz`, { host: '10.1.2.3:8080' })).status).to.equal(200);
      expect((await ask(`${url}livez`, { host: 'pod.example' })).status).to.equal(200);
    });
  });

  it('tells the state of all: the tree, the errors, the restarts, the next runs of crons', async () => {
    let runs = 0;
    const failing = task('worker', () => {
      if (++runs === 1) throw new Error('lost it');
      return NEVER;
    });
    const { url } = await inspected([
      ordered('shop', still('db'), supervise(failing, { backoff: { initial: 1 } })),
      cron(still('nightly'), '@yearly'),
    ]);
    await delay(30);
    const { tasks, ready, now, boot } = await stateAt(url);
    expect([ready, typeof boot]).to.deep.equal([true, 'string']);
    expect(Math.abs(now - Date.now())).to.be.lessThan(5000);
    expect(tasks.map(({ task: path }) => path)).to.deep.equal(['inspector', 'shop', 'nightly']);
    const worker = tasks[1]?.members?.[1];
    expect(worker).to.deep.include({ task: 'shop/worker', name: 'worker', status: 'running', restarts: 1 });
    expect(worker?.lastError).to.deep.equal({
      name: 'TaskError',
      message: 'shop/worker failed in execute: lost it',
      task: 'shop/worker',
      phase: 'execute',
    });
    expect(new Date(tasks[2]?.nextAt ?? 0).getMonth()).to.equal(0);
  });

  describe('events', () => {
    it('come as they happen, after those that were', async () => {
      const go$ = new Subject<number>();
      const { url } = await inspected([task('a', () => go$), still('b')]);
      const stream = serverSent(await open(`${url}events`));
      const before = await eventsUntil(stream, (_, events) => events.some(({ task: name }) => name === 'inspector'));
      expect(before.events.map(({ task: name, type }) => `${name} ${type}`)).to.deep.equal([
        'a ready',
        'b ready',
        'inspector ready',
      ]);
      await stream.return(undefined);
      const again = serverSent(await open(`${url}events`));
      const done = eventsUntil(again, (_, events) => events.some(({ type }) => type === 'done'));
      go$.complete();
      expect((await done).events.at(-1)).to.deep.include({ task: 'a', type: 'done' });
      await again.return(undefined);
    });

    it('go on after the last that was had, and begin anew with another life of the application', async () => {
      const { url } = await inspected([still('a')]);
      const first = serverSent(await open(`${url}events`));
      const { told } = await eventsUntil(first, (_, events) => events.length === 2);
      await first.return(undefined);
      const id = told[0]?.id ?? '';
      expect(id).to.match(/^[\da-f]{12}:1$/);
      const { told: rest } = await eventsUntil(
        serverSent(await open(`${url}events`, { 'last-event-id': id.replace(/1$/, '0') })),
        () => true,
      );
      expect(rest).to.have.length(1);
      expect((rest[0]?.data as RecordedEvent[]).map(({ task: name }) => name)).to.deep.equal(['inspector']);
      for (const foreign of ['aaaaaaaaaaaa:1', id.replace(/1$/, '99'), 'nonsense', `${id}x`]) {
        const { told: anew } = await eventsUntil(
          serverSent(await open(`${url}events`, { 'last-event-id': foreign })),
          (all) => all.length === 2,
        );
        expect(
          anew.map(({ event, data }) => [event, Array.isArray(data) ? data.length : data]),
          foreign,
        ).to.deep.equal([
          ['reset', {}],
          ['events', 2],
        ]);
      }
    });

    it('say how many are kept no longer', async () => {
      const { url } = await inspected(
        [
          cron(
            task('often', () => 1),
            1,
          ),
        ],
        {},
        { history: 10 },
      );
      await delay(60);
      const { body } = await ask(`${url}snapshot`);
      const { boot } = JSON.parse(body) as AppState;
      const { told } = await eventsUntil(
        serverSent(await open(`${url}events`, { 'last-event-id': `${boot}:0` })),
        (all) => all.length === 2,
      );
      expect(told[0]?.event).to.equal('gap');
      expect((told[0]?.data as { missed: number }).missed).to.be.greaterThan(5);
      expect(told[1]?.data).to.have.length(10);
    });

    it('end with a word when the application ends, after the last of them', async () => {
      const { app, url } = await inspected([slow('slow', 30)]);
      const stream = serverSent(await open(`${url}events`));
      const all = eventsUntil(stream, (told) => told.at(-1)?.event === 'end');
      await delay(10);
      await app.stop();
      const { events } = await all;
      expect(events.slice(-5).map(({ type, task: name }) => `${name ?? ''} ${type}`.trim())).to.deep.equal([
        'inspector cancelling',
        'slow cancelling',
        'slow finalizing',
        'slow done',
        'inspector finalizing',
      ]);
    });

    it('cost a reader who takes nothing no more than what was written last', async function () {
      this.timeout(20_000);
      const burst$ = new Subject<string>();
      const worker = supervise(
        task('worker', () => {
          throw new Error('x'.repeat(1900));
        }),
        { backoff: { initial: 0, jitter: 0 }, maxRestarts: 1e9 },
      );
      const { url } = await inspected([worker], {}, { history: 200 });
      const { port } = new URL(url);
      const sockets = Array.from({ length: 8 }, () => {
        const socket = connect(Number(port), '127.0.0.1');
        socket.write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n');
        return socket.pause();
      });
      await delay(500);
      global.gc?.();
      const before = process.memoryUsage();
      await delay(2500);
      global.gc?.();
      const after = process.memoryUsage();
      for (const socket of sockets) socket.destroy();
      burst$.complete();
      const grown = after.heapUsed + after.external - before.heapUsed - before.external;
      // In this time many times as much was told.
      expect(grown).to.be.lessThan(12 * 2 ** 20);
    });

    it('are for so many at once, and for others when these have left', async () => {
      const { url } = await inspected([still('a')]);
      const readers = await Promise.all(Array.from({ length: 64 }, () => open(`${url}events`)));
      expect((await ask(`${url}events`)).status).to.equal(503);
      for (const reader of readers) reader.destroy();
      await delay(50);
      const next = await open(`${url}events`);
      expect(next.statusCode).to.equal(200);
      next.destroy();
    });

    it('are not for those who wait behind others on one connection, whose end nobody would tell', async () => {
      const { url } = await inspected([still('a')]);
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(70));
      await once(socket, 'data');
      socket.destroy();
      await delay(50);
      const next = await open(`${url}events`);
      expect(next.statusCode).to.equal(200);
      next.destroy();
    });
  });

  describe('of a fleet', () => {
    const told = async (url: string) => {
      const { status, body } = await ask(`${url}fleet`);
      return [status, JSON.parse(body)] as [number, unknown];
    };

    it('tells its state, and says that there is one', async () => {
      const state = exampleFleet();
      const { url } = await inspected([], {}, { fleet: { state: () => Promise.resolve(state) } });
      expect(await told(url)).to.deep.equal([200, state]);
      expect((await stateAt(url)).fleet).to.equal(true);
      expect((await ask(`${url}fleet`, {}, 'HEAD')).body).to.equal('');
      expect((await ask(`${url}fleet`, {}, 'POST')).status).to.equal(405);
    });

    it('says when there is none', async () => {
      const { url } = await inspected([]);
      expect(await told(url)).to.deep.equal([
        404,
        { error: 'There is no fleet here: it is given as inspector({ fleet })' },
      ]);
      expect(await stateAt(url)).not.to.have.property('fleet');
    });

    it('is for whoever has the token, at a name of its own', async () => {
      let asked = 0;
      const fleet = { state: () => (asked++, Promise.resolve(exampleFleet())) };
      const token = 'correct horse battery';
      const { url } = await inspected([], {}, { fleet, token });
      expect((await ask(`${url}fleet`)).status).to.equal(401);
      expect((await ask(`${url}fleet`, { host: 'evil.example' })).status).to.equal(403);
      expect(asked).to.equal(0);
      expect((await ask(`${url}fleet`, { authorization: `Bearer ${token}` })).status).to.equal(200);
    });

    it('says that it does not answer, and of the error no more than its message', async () => {
      const error = Object.assign(new Error(`no route to the database${' x'.repeat(500)}`), { query: 'select secret' });
      const failures: (() => Promise<never>)[] = [
        () => Promise.reject(error),
        () => {
          throw new Error('closed');
        },
        () => Promise.reject('a secret'),
        () => Promise.reject(new AggregateError([error])),
        // That which JSON cannot hold is no answer.
        () => Promise.resolve({ count: 1n } as never),
      ];
      const answers = [];
      for (const state of failures) {
        const { app, url } = await inspected([], {}, { fleet: { state } });
        answers.push(await told(url));
        expect((await ask(`${url}livez`)).status).to.equal(200);
        await app.stop();
      }
      expect(answers.map(([status]) => status)).to.deep.equal([503, 503, 503, 503, 503]);
      const [first, ...rest] = answers.map(([, body]) => (body as { error: string }).error);
      expect(first).to.match(/^The fleet does not answer: no route to the database( x)+$/);
      expect(first?.length).to.be.lessThan(250);
      expect(rest.slice(0, 3)).to.deep.equal([
        'The fleet does not answer: closed',
        'The fleet does not answer',
        'The fleet does not answer',
      ]);
      expect(JSON.stringify(answers)).not.to.contain('secret');
    });

    it('asks once for all who ask within a second, and never twice at a time', async () => {
      const queries: ((fails: boolean) => void)[] = [];
      const fleet: FleetStateSource = {
        state: () =>
          new Promise((resolve, reject) =>
            queries.push((fails) => (fails ? reject(new Error('gone')) : resolve(exampleFleet()))),
          ),
      };
      const { url } = await inspected([], {}, { fleet });
      const many = Array.from({ length: 20 }, () => told(url));
      // Longer than an answer is good for.
      await delay(1100);
      many.push(told(url));
      await delay(50);
      expect(queries).to.have.length(1);
      queries[0]?.(false);
      expect((await Promise.all(many)).map(([status]) => status)).to.deep.equal(Array(21).fill(200));
      expect((await told(url))[0]).to.equal(200);
      expect(queries).to.have.length(1);
      await delay(1050);
      const again = told(url);
      await delay(50);
      expect(queries).to.have.length(2);
      // Nor is one that fails tried again and again.
      queries[1]?.(true);
      expect([(await again)[0], (await told(url))[0]]).to.deep.equal([503, 503]);
      expect(queries).to.have.length(2);
    });

    it('does not wait for ever, and does not ask again what still hangs', async () => {
      let asked = 0;
      const { url } = await inspected([], {}, { fleet: { state: () => (asked++, new Promise(() => undefined)) } });
      const late = { error: 'The fleet does not answer: no answer for 5 s' };
      expect(await told(url)).to.deep.equal([503, late]);
      await delay(1100);
      expect(await told(url)).to.deep.equal([503, late]);
      expect(asked).to.equal(1);
    });
  });

  describe('access', () => {
    it('is refused to a Host that is none of its names', async () => {
      const { url } = await inspected([], {}, { hosts: ['Tasks.internal'] });
      const { port } = new URL(url);
      for (const path of ['', 'events', 'snapshot', 'nothing'])
        for (const host of ['evil.example', `evil.example:${port}`, '10.0.0.1', 'localhost.evil.example'])
          expect((await ask(`${url}${path}`, { host })).status, `${path} ${host}`).to.equal(403);
      for (const host of [
        'localhost',
        `localhost:${port}`,
        '127.0.0.1',
        '[::1]:80',
        'app.localhost',
        'tasks.internal:1',
      ])
        expect((await ask(`${url}snapshot`, { host })).status, host).to.equal(200);
    });

    it('beyond loopback needs the token, from a browser by its address once', async () => {
      const token = 'correct horse battery';
      const { url } = await inspected([], {}, { host: '0.0.0.0', token });
      const local = url.replace('0.0.0.0', '127.0.0.1');
      expect((await ask(local)).status).to.equal(401);
      expect((await ask(`${local}snapshot`, { authorization: 'Bearer wrong horse battery' })).status).to.equal(401);
      expect((await ask(`${local}snapshot`, { authorization: `Bearer ${token}` })).status).to.equal(200);
      expect((await ask(`${local}snapshot`, { authorization: `bearer ${token}`, host: '10.0.0.7' })).status).to.equal(
        200,
      );
      expect((await ask(`${local}?token=wrong`)).status).to.equal(401);
      const first = await ask(`${local}?token=${encodeURIComponent(token)}`);
      // Relative, so that it is right below a path of a proxy, too.
      expect([first.status, first.headers.location]).to.deep.equal([303, './']);
      const [cookie = ''] = first.headers['set-cookie'] ?? [];
      expect(cookie).to.match(/; HttpOnly; SameSite=Lax; Path=\/$/);
      const [pair = ''] = cookie.split(';');
      expect((await ask(local, { cookie: `a=b; ${pair}` })).status).to.equal(200);
      expect((await ask(local, { cookie: `${pair}x` })).status).to.equal(401);
      expect((await ask(local, { cookie: `${pair}%` })).status).to.equal(401);
      for (const elsewhere of ['//evil.example', '/\\evil.example', '/snapshot']) {
        const path = `${elsewhere}?token=${encodeURIComponent(token)}`;
        expect((await ask(local, {}, 'GET', path)).status, elsewhere).to.equal(401);
      }
    });

    it('takes an address in full, as a proxy may send it, for the path in it', async () => {
      const { url } = await inspected([]);
      expect((await ask(url, {}, 'GET', `${url}livez?x`)).status).to.equal(200);
      expect((await ask(url, {}, 'GET', url.slice(0, -1))).body).to.match(/^<!doctype html>/);
      for (const path of ['//', '/%', '/.', '*']) expect((await ask(url, {}, 'GET', path)).status, path).to.equal(404);
    });

    it('is for reading', async () => {
      const { url } = await inspected([]);
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
        const { status, headers } = await ask(`${url}snapshot`, {}, method);
        expect([status, headers.allow], method).to.deep.equal([405, 'GET, HEAD']);
      }
      for (const path of ['', 'snapshot', 'readyz', 'events']) {
        const { status, body } = await ask(`${url}${path}`, {}, 'HEAD');
        expect([status, body], path).to.deep.equal([200, '']);
      }
      expect((await ask(`${url}nothing`)).status).to.equal(404);
    });

    it('lets the page run nothing but itself, and nobody else read it', async () => {
      const { url } = await inspected([]);
      const { headers, body } = await ask(url);
      expect(headers['content-security-policy']).to.match(
        /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'; .*frame-ancestors 'none'$/,
      );
      expect(headers['access-control-allow-origin']).to.equal(undefined);
      expect(body).to.match(/^<!doctype html>/);
      expect(body).not.to.match(/(src|href)="?(https?:)?\/\//);
    });
  });

  describe('as a task', () => {
    it('yields where it is', async () => {
      const { url } = await inspected([]);
      expect(url).to.match(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    });

    it('fails when its port is taken', async () => {
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { port } = other.address() as AddressInfo;
      const report = await launch([inspector({ port })], { observer: () => undefined });
      other.close();
      expect(report.outcomes[0]?.error?.message).to.match(/^inspector failed in initialize: .*EADDRINUSE/);
    });

    it('survives what goes wrong with its server later', async () => {
      let server: Server | undefined;
      const seen = (message: unknown) => ({ server } = message as { server: Server });
      subscribe('http.server.request.start', seen);
      const { url } = await inspected([]);
      await ask(`${url}livez`);
      unsubscribe('http.server.request.start', seen);
      // As it does when it can accept no more for want of file descriptors.
      server?.emit('error', new Error('accept EMFILE'));
      expect((await ask(`${url}livez`)).status).to.equal(200);
    });

    it('fails outside an application, and says why', async () => {
      const runner = taskRunner(inspector({ port: 0 }));
      const error = await firstValueFrom(runner.start().pipe(toArray())).catch((reason: unknown) => reason);
      expect(String(error)).to.equal(
        'TaskError: inspector failed in initialize: inspector is not part of an application: it is for orchestrate, launch or runMain',
      );
    });

    it('goes on until the others have ended, and no longer', async () => {
      const { app, url } = await inspected([slow('slow', 120)]);
      const at = performance.now();
      const report = app.stop();
      await delay(60);
      expect((await stateAt(url)).tasks[1]?.status).to.equal('finalizing');
      const { outcomes, clean } = await report;
      expect([clean, outcomes.map(({ task: name }) => name)]).to.deep.equal([true, ['slow', 'inspector']]);
      expect(performance.now() - at).to.be.lessThan(600);
    });

    it('leaves a laggard alone with the blame', async () => {
      const { app } = await inspected([task('hangs', { execute: () => NEVER, finalize: () => NEVER })], {
        timeout: 200,
      });
      const { outcomes } = await app.stop();
      expect(outcomes.map(({ task: name, status }) => `${name} ${status}`)).to.deep.equal([
        'inspector cancelled',
        'hangs timed-out',
      ]);
    });

    it('may be a member of a group, and start again', async () => {
      const runner = taskRunner(inspector({ port: 0 }));
      for (const round of [1, 2]) {
        const url = firstValueFrom(runner.results$);
        const app = launch([ordered('app', runner, still('a'))]);
        expect(
          (await stateAt(await url)).tasks[0]?.members?.map(({ task: path }) => path),
          String(round),
        ).to.deep.equal(['app/inspector', 'app/a']);
        expect((await app.stop()).clean).to.equal(true);
      }
    });

    it('ends with readers and half-open connections', async () => {
      const { app, url } = await inspected([]);
      const { port } = new URL(url);
      const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
      socket.write('GET / HTTP/1.1\r\nhos');
      const reader = await open(`${url}events`);
      reader.resume().on('error', () => undefined);
      const at = performance.now();
      await app.stop();
      expect(performance.now() - at).to.be.lessThan(1500);
      socket.destroy();
    });
  });

  it('refuses bad input', () => {
    const given = (options: unknown) => () => inspector(options as InspectorOptions);
    expect(given({ port: 65_536 })).to.throw(RangeError, 'Expected `port` to be a whole number from 0 to 65535');
    expect(given({ port: '80' })).to.throw(TypeError, 'Expected `port`');
    expect(given({})).to.throw(TypeError, 'Expected `port`');
    expect(given({ port: 0, host: '0.0.0.0' })).to.throw(
      TypeError,
      'Expected `token` to be a string, because 0.0.0.0 is not loopback, got undefined',
    );
    expect(given({ port: 0, token: 'short' })).to.throw(
      RangeError,
      'Expected `token` to be at least 16 characters long',
    );
    expect(given({ port: 0, token: 'short' })).not.to.throw('short');
    expect(given({ port: 0, history: 0 })).to.throw(RangeError, 'Expected `history`');
    expect(given({ port: 0, hosts: 'x' })).to.throw(TypeError, 'Expected `hosts` to be an array');
    expect(given({ port: 0, fleet: {} })).to.throw(
      TypeError,
      'Expected `fleet` to be a fleet, as connectFleet yields it, got `{}` (object)',
    );
    expect(given({ port: 0, fleet: null })).to.throw(TypeError, 'Expected `fleet`');
    expect(given({ port: 0, fleet: Promise.resolve() })).to.throw(TypeError, 'Expected `fleet`');
    expect(given({ port: 0, hots: [] })).to.throw(TypeError, 'Expected `options` to be made of');
  });
});
