import { expect } from 'chai';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { NEVER } from 'rxjs';
import { cron, dynamic, optional, ordered, supervise, task, type AppEvent } from '../../lib/index.js';
import type { AppState, FleetStateSource, InspectorOptions, TaskState } from '../../lib/inspect/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { emptyQueue, exampleFleet } from '../helpers/example-fleet.js';
import { httpRequest } from '../helpers/http.js';
import { inspectedApps } from '../helpers/inspected.js';
import { waitUntil } from '../helpers/wait.js';

const token = 'correct horse battery';
const json = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
const untilCancelled = (name: string) => task(name, () => NEVER);

describe('The actions of an inspector', () => {
  const inspected = inspectedApps();

  /** Starts an application with a task of each kind that has actions, and records its events. */
  const operated = async (options: Partial<InspectorOptions> = {}) => {
    const report = cron(
      task('report', () => 'sent'),
      3_600_000,
      { immediate: false },
    );
    const tenants = dynamic('tenants');
    const events: AppEvent[] = [];
    const app = await inspected(
      [ordered('shop', supervise(untilCancelled('worker')), tenants), report, untilCancelled('plain')],
      { observer: (event) => events.push(event) },
      { actions: true, token, ...options },
    );
    tenants.add('acme', untilCancelled('sync'));
    const post = async (body: unknown, headers: Record<string, string> = json) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const answer = await httpRequest(`${app.url}actions`, headers, 'POST', undefined, text);
      return [answer.status, JSON.parse(answer.body)] as [number, Record<string, unknown>];
    };
    const state = async () => JSON.parse((await httpRequest(`${app.url}snapshot`, json)).body) as AppState;
    const eventsOf = (path: string) =>
      events
        .filter((event) => 'task' in event && event.task === path)
        .map((event) => `${event.type}${'by' in event ? ` by ${event.by}` : ''}`);
    return { ...app, report, tenants, events, post, state, eventsOf };
  };

  it('trigger a cron', async () => {
    const { report, post, eventsOf } = await operated();
    expect(await post({ action: 'trigger', path: 'report' })).to.deep.equal([
      202,
      { action: 'trigger', path: 'report' },
    ]);
    await waitUntil(() => report.history.runs === 1);
    expect(eventsOf('report')).to.include('triggered by inspector');
  });

  it('answer a trigger when the run has begun, however long it takes', async () => {
    const long = cron(untilCancelled('long'), 3_600_000, { immediate: false });
    const { url } = await inspected([long], {}, { actions: true, token });
    const body = JSON.stringify({ action: 'trigger', path: 'long' });
    const { status } = await httpRequest(`${url}actions`, json, 'POST', undefined, body);
    expect([status, long.running]).to.deep.equal([202, 1]);
  });

  it('pause and resume a cron, also twice', async () => {
    const { report, post, eventsOf } = await operated();
    for (const [action, paused] of [
      ['pause', true],
      ['pause', true],
      ['resume', false],
      ['resume', false],
    ] as const) {
      expect(await post({ action, path: 'report' })).to.deep.equal([200, { action, path: 'report', paused }]);
      expect(report.paused).to.equal(paused);
    }
    expect(eventsOf('report').filter((event) => event.includes('by'))).to.deep.equal([
      'paused by inspector',
      'resumed by inspector',
    ]);
  });

  it('restart a supervised task', async () => {
    const { post, eventsOf, app } = await operated();
    const action = { action: 'restart', path: 'shop/worker' };
    expect(await post(action)).to.deep.equal([202, action]);
    await waitUntil(() => eventsOf('shop/worker').filter((event) => event === 'ready').length === 2);
    expect(eventsOf('shop/worker')).to.include('restart-requested by inspector');
    expect(app.ready).to.equal(true);
  });

  it('preview the next five runs of another schedule, and then reschedule a cron', async () => {
    const { report, post, eventsOf } = await operated();
    const before = report.nextRuns().map(Number);
    const request = { action: 'reschedule', path: 'report', schedule: '0 4 * * *', timezone: 'Asia/Kolkata' };
    const [status, answer] = await post({ ...request, preview: true });
    const runs = answer['nextRuns'] as number[];
    expect([status, answer['preview'], runs.length]).to.deep.equal([200, true, 5]);
    expect(runs.map((run) => new Date(run).toISOString().slice(11))).to.deep.equal(Array(5).fill('22:30:00.000Z'));
    expect([report.nextRuns().map(Number), eventsOf('report')]).to.deep.equal([before, ['ready']]);
    expect(await post(request)).to.deep.equal([
      200,
      { action: 'reschedule', path: 'report', preview: false, nextRuns: runs },
    ]);
    expect(report.nextRuns(5).map(Number)).to.deep.equal(runs);
    expect(eventsOf('report').at(-1)).to.equal('rescheduled by inspector');
    await post({ action: 'pause', path: 'report' });
    const ofPaused = (await post({ action: 'reschedule', path: 'report', schedule: '30 4 * * *' }))[1][
      'nextRuns'
    ] as number[];
    expect(ofPaused).to.have.length(5);
    report.resume();
    expect(report.nextRuns(5).map(Number)).to.deep.equal(ofPaused);
  });

  it('refuse another schedule as the cron does, and then change nothing', async () => {
    const { report, post } = await operated();
    const refused = async (fields: object) => {
      const before = report.nextRuns().map(Number);
      const [status, { error }] = await post({ action: 'reschedule', path: 'report', ...fields });
      expect([status, report.nextRuns().map(Number)], String(error)).to.deep.equal([400, before]);
      return error;
    };
    for (const preview of [true, false]) {
      expect(await refused({ schedule: '0 0 30 2 *', preview })).to.match(/^Expected `schedule` to be /);
      expect(await refused({ schedule: '* *', preview })).to.match(/^Expected `schedule` to be /);
      expect(await refused({ schedule: '@daily', timezone: 'Mars/Base', preview })).to.match(/^Expected `timezone` /);
      expect(await refused({ schedule: 5, timezone: 'UTC', preview })).to.match(/^Expected `timezone` /);
      expect(await refused({ schedule: 0, preview })).to.match(/^Expected `schedule` to be a period from 1 ms/);
    }
    expect(await refused({})).to.match(/^Expected `schedule` to be a period in ms or a cron expression/);
    expect(await refused({ schedule: '@daily', preview: 'yes' })).to.match(/^Expected `preview`/);
    expect((await post({ action: 'reschedule', path: 'shop/worker', schedule: 5 }))[1]['error']).to.equal(
      'Expected a cron for reschedule, got shop/worker',
    );
  });

  it('have in their events who asks, if the request says so', async () => {
    const { post, eventsOf, tenants } = await operated();
    const by = 'ann of ops';
    await post({ action: 'pause', path: 'report', by });
    await post({ action: 'reschedule', path: 'report', schedule: 1000, by });
    await post({ action: 'resume', path: 'report', by });
    await post({ action: 'trigger', path: 'report', by });
    await post({ action: 'restart', path: 'shop/worker', by });
    await post({ action: 'remove', path: 'shop/tenants/acme', by });
    await waitUntil(() => tenants.keys.length === 0);
    const asked = (path: string) => eventsOf(path).filter((event) => event.endsWith(` by ${by}`));
    expect([asked('report'), asked('shop/worker'), asked('shop/tenants')]).to.deep.equal([
      [`paused by ${by}`, `rescheduled by ${by}`, `resumed by ${by}`, `triggered by ${by}`],
      [`restart-requested by ${by}`],
      [`removed by ${by}`],
    ]);
    for (const wrong of [7, ' ', 'x'.repeat(201)])
      expect((await post({ action: 'pause', path: 'report', by: wrong }))[1]['error']).to.match(
        /^Expected `by` to be /,
      );
  });

  it('remove a member of a dynamic group, by its path', async () => {
    const { tenants, post, eventsOf } = await operated();
    const action = { action: 'remove', path: 'shop/tenants/acme' };
    expect(await post(action)).to.deep.equal([202, action]);
    await waitUntil(() => tenants.keys.length === 0);
    expect(eventsOf('shop/tenants')).to.include('removed by inspector');
    expect((await post(action))[0]).to.equal(404);
  });

  it('reach crons and members through the runners around them, and members whose own name has a slash', async () => {
    const report = cron(untilCancelled('report'), 3_600_000, { immediate: false });
    const tenants = dynamic('ten/ants');
    const { url } = await inspected([optional(supervise(report)), optional(tenants)], {}, { actions: true, token });
    tenants.add('acme', supervise(untilCancelled('a/b')));
    const post = async (body: unknown) =>
      (await httpRequest(`${url}actions`, json, 'POST', undefined, JSON.stringify(body))).status;
    expect(await post({ action: 'pause', path: 'report' })).to.equal(200);
    expect(report.paused).to.equal(true);
    expect(await post({ action: 'restart', path: 'ten/ants/acme' })).to.equal(202);
    expect(await post({ action: 'remove', path: 'ten/ants/acme' })).to.equal(202);
    await waitUntil(() => tenants.keys.length === 0);
  });

  it('are listed in the snapshot: those of the inspector, and those that make sense for each task now', async () => {
    const { post, state } = await operated();
    const actionsOf = async () => {
      const { tasks, actions } = await state();
      const all = (each: readonly TaskState[]): TaskState[] => each.flatMap((one) => [one, ...all(one.members ?? [])]);
      return { own: actions, byTask: Object.fromEntries(all(tasks).map((one) => [one.task, one.actions])) };
    };
    expect(await actionsOf()).to.deep.equal({
      own: ['trigger', 'pause', 'resume', 'reschedule', 'restart', 'remove'],
      byTask: {
        inspector: undefined,
        shop: undefined,
        'shop/worker': ['restart'],
        'shop/tenants': undefined,
        'shop/tenants/acme': ['remove'],
        report: ['trigger', 'pause', 'reschedule'],
        plain: undefined,
      },
    });
    await post({ action: 'pause', path: 'report' });
    expect((await actionsOf()).byTask['report']).to.deep.equal(['trigger', 'resume', 'reschedule']);
  });

  it('are refused, and change nothing, for a task that is unknown, of another kind, or not running', async () => {
    const { report, post, events } = await operated();
    const before = events.length;
    expect(await post({ action: 'pause', path: 'nothing' })).to.deep.equal([
      404,
      { error: 'There is no task nothing' },
    ]);
    expect(await post({ action: 'pause', path: 'plain' })).to.deep.equal([
      400,
      { error: 'Expected a cron for pause, got plain' },
    ]);
    expect(await post({ action: 'restart', path: 'report' })).to.deep.equal([
      400,
      { error: 'Expected a supervised task for restart, got report' },
    ]);
    for (const path of ['shop/worker', 'shop/tenants', 'shop', 'inspector'])
      expect(await post({ action: 'remove', path }), path).to.deep.equal([
        400,
        { error: `Expected a member of a dynamic group for remove, got ${path}` },
      ]);
    expect(events.length).to.equal(before);
    expect(report.paused).to.equal(false);

    const ended = cron(
      task('ended', () => 1),
      1,
      { maxRuns: 1 },
    );
    const short = supervise(task('short', () => 1));
    const { url } = await inspected([ended, short], {}, { actions: true, token });
    await waitUntil(() => ended.status === 'done' && short.status === 'done');
    for (const [action, path] of [
      ['trigger', 'ended'],
      ['restart', 'short'],
    ]) {
      const body = JSON.stringify({ action, path });
      const { status, body: answer } = await httpRequest(`${url}actions`, json, 'POST', undefined, body);
      expect([status, JSON.parse(answer)]).to.deep.equal([409, { error: `${path} is not running` }]);
    }
  });

  describe('that fail in another way', () => {
    const consoleErrors = spyOnConsoleError();

    it('are answered with 500 and the beginning of the message', async () => {
      const { report, post } = await operated();
      const fail = () => {
        throw new Error(`disk full${'!'.repeat(300)}`);
      };
      const failed = { error: `The action has failed: disk full${'!'.repeat(191)}` };
      Object.assign(report, { trigger: () => Promise.resolve().then(fail), pause: fail, reschedule: fail });
      for (const action of ['trigger', 'pause', 'reschedule'])
        expect(await post({ action, path: 'report', ...(action === 'reschedule' && { schedule: 5 }) })).to.deep.equal([
          500,
          failed,
        ]);
      expect(consoleErrors.all()).to.deep.equal([]);
    });

    it('are written to the console after their answer', async () => {
      const { report, post } = await operated();
      let reject: (error: Error) => void = () => expect.fail('It has not begun');
      Object.assign(report, { trigger: () => new Promise((_, onError) => (reject = onError)) });
      const trigger = { action: 'trigger', path: 'report' };
      expect(await post(trigger)).to.deep.equal([202, trigger]);
      const error = new Error('disk full');
      reject(error);
      await waitUntil(() => consoleErrors.all().length > 0);
      expect(consoleErrors.all()).to.deep.equal([error]);
    });
  });

  it('are refused for a body that is not as documented', async () => {
    const { post } = await operated();
    const refused = async (body: unknown) => {
      const [status, { error }] = await post(body);
      expect(status, String(error)).to.equal(400);
      return error;
    };
    for (const body of ['', '{', 'action=pause', '\u0000'])
      expect(await refused(body)).to.equal('Expected a body of JSON such as {"action":"pause","path":"app/report"}');
    for (const body of ['null', '3', '"pause"', '[]', '{}'])
      expect(await refused(body), body).to.match(/^Expected `action` to be 'trigger' or 'pause' or .*, got undefined$/);
    expect(await refused({ action: 'stop', path: 'report' })).to.match(/got `'stop'` \(string\)$/);
    expect(await refused({ action: 'toString', path: 'report' })).to.match(/^Expected `action`/);
    expect(await refused({ action: 'pause' })).to.equal('Expected `path` to be a string, got undefined');
    expect(await refused({ action: 'pause', path: ['report'] })).to.match(/^Expected `path` to be a string/);
    expect(await refused({ action: 'pause', path: 'report', key: 1 })).to.match(
      /^Expected a member of `body`, got `(key|schedule)`/,
    );
    expect(await refused({ action: 'pause', path: 'report', schedule: 5 })).to.match(
      /^Expected a member of `body`, got `(key|schedule)`/,
    );
    expect(await refused({ action: 'reschedule', path: 'report', schedule: '@daily', timezone: 5 })).to.equal(
      'Expected `timezone` to be a string, got `5` (number)',
    );
    expect(await refused({ action: 'redrive', queue: 'emails' })).to.match(/^The inspector has no fleet with queues/);
  });

  it('are refused without the token in the header, whatever cookie or address has it', async () => {
    const { url, report, post } = await operated();
    const pause = { action: 'pause', path: 'report' };
    const type = { 'content-type': 'application/json' };
    const statusOf = async (headers: Record<string, string>) => (await post(pause, { ...type, ...headers }))[0];
    expect(await statusOf({})).to.equal(401);
    expect(await statusOf({ authorization: 'Bearer wrong horse battery' })).to.equal(401);
    expect(await statusOf({ authorization: `Basic ${token}` })).to.equal(401);
    for (const name of ['token', 'authorization', `rxjs-tasks-${new URL(url).port}`])
      expect(await statusOf({ cookie: `${name}=${encodeURIComponent(token)}` })).to.equal(401);
    const target = `/actions?token=${encodeURIComponent(token)}`;
    expect((await httpRequest(url, type, 'POST', target, JSON.stringify(pause))).status).to.equal(401);
    expect(report.paused).to.equal(false);
  });

  it('are refused for a foreign Origin or Host, even with the token', async () => {
    const { url, report, post } = await operated();
    const { origin, port } = new URL(url);
    const pause = { action: 'pause', path: 'report' };
    for (const foreign of [
      'http://evil.example',
      'null',
      `https://127.0.0.1:${port}`,
      `http://127.0.0.1:${Number(port) + 1}`,
      `http://localhost:${port}`,
    ])
      expect((await post(pause, { ...json, origin: foreign }))[0], foreign).to.equal(403);
    expect((await post(pause, { ...json, host: 'evil.example' }))[0]).to.equal(403);
    for (const site of ['cross-site', 'same-site'])
      expect((await post(pause, { ...json, 'sec-fetch-site': site }))[0], site).to.equal(403);
    expect(report.paused).to.equal(false);
    // No site gets the permission to send the header.
    const preflight = { origin: 'http://evil.example', 'access-control-request-method': 'POST' };
    const { status, headers } = await httpRequest(`${url}actions`, preflight, 'OPTIONS');
    expect([status, headers['access-control-allow-origin']]).to.deep.equal([405, undefined]);
    expect((await post(pause, { ...json, origin }))[0]).to.equal(200);
  });

  it('need a POST of JSON, with a body of at most 4 kB', async () => {
    const { url, report, post } = await operated();
    const pause = { action: 'pause', path: 'report' };
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/jsonp',
      'multipart/form-data',
      'text/plain; application/json',
    ])
      expect(await post(pause, { ...json, 'content-type': type }), type).to.deep.equal([
        415,
        { error: 'Expected the Content-Type application/json' },
      ]);
    expect((await post(pause, { authorization: json.authorization }))[0]).to.equal(415);
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
      const { status, headers } = await httpRequest(`${url}actions`, json, method);
      expect([status, headers.allow], method).to.deep.equal([405, 'POST']);
    }
    expect((await httpRequest(`${url}snapshot`, json, 'POST')).headers.allow).to.equal('GET, HEAD');
    const long = { ...pause, padding: 'x'.repeat(5000) };
    expect(await post(long)).to.deep.equal([413, { error: 'Expected a body of at most 4096 bytes' }]);
    expect((await post(long, { ...json, 'transfer-encoding': 'chunked' }))[0]).to.equal(413);
    expect((await post(long, { ...json, 'content-length': '1000000000' }))[0]).to.equal(413);
    expect(report.paused).to.equal(false);
    const withLength = (length: number) => JSON.stringify(pause).padStart(length);
    expect((await post(withLength(4097)))[0]).to.equal(413);
    expect(report.paused).to.equal(false);
    expect((await post(withLength(4096)))[0]).to.equal(200);
  });

  it('are refused for a long body before it is sent, and only such a connection is closed', async () => {
    const { url, post } = await operated();
    const connection = { ...json, connection: 'keep-alive' };
    const declared = request(`${url}actions`, {
      method: 'POST',
      agent: false,
      headers: { ...connection, 'content-length': 4097 },
    }).on('error', () => undefined);
    declared.flushHeaders();
    const [response] = (await once(declared, 'response')) as [IncomingMessage];
    expect([response.statusCode, response.headers.connection]).to.deep.equal([413, 'close']);
    declared.destroy();
    const short = await httpRequest(`${url}actions`, connection, 'POST', undefined, '{}');
    expect([short.status, short.headers.connection]).to.deep.equal([400, 'keep-alive']);
    expect((await post({ action: 'pause', path: 'report' }))[0]).to.equal(200);
  });

  it('are not performed for half of a body, whose connection is closed soon', async () => {
    const { url, report } = await operated();
    const body = JSON.stringify({ action: 'pause', path: 'report' });
    const head = Object.entries({ host: 'localhost', ...json, 'content-length': body.length + 1 });
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.write(
      `POST /actions HTTP/1.1\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
    );
    await once(socket, 'close');
    expect(answer).to.match(/^HTTP\/1\.1 408 /);
    expect(report.paused).to.equal(false);
  });

  it('are off by default: the inspector is read-only, with a token, too', async () => {
    const { url, report, post, state } = await operated({ actions: undefined });
    const pause = { action: 'pause', path: 'report' };
    expect(await post(pause)).to.deep.equal([405, { error: 'The inspector is read-only: expected GET or HEAD' }]);
    expect((await httpRequest(`${url}actions`, json)).status).to.equal(404);
    expect(report.paused).to.equal(false);
    const { actions, tasks } = await state();
    expect([actions, tasks.some((each) => 'actions' in each)]).to.deep.equal([undefined, false]);
  });

  describe('of a fleet', () => {
    /** A fleet that has no database. It records which queues it is asked for. */
    const fleetWith = (redrive: () => Promise<number>) => {
      const opened: string[] = [];
      const fleet: FleetStateSource = {
        state: () => Promise.resolve(exampleFleet()),
        queue: (name) => (opened.push(name), emptyQueue({ redrive })),
      };
      return { fleet, opened };
    };
    const redriveOf = (queue: string) => ({ action: 'redrive', queue });

    it('redrive a queue that the fleet has', async () => {
      const { fleet, opened } = fleetWith(() => Promise.resolve(3));
      const { post, state } = await operated({ fleet });
      expect((await state()).actions).to.include('redrive');
      expect(await post(redriveOf('invoices'))).to.deep.equal([200, { ...redriveOf('invoices'), count: 3 }]);
      expect(await post(redriveOf('nothing'))).to.deep.equal([404, { error: 'There is no queue nothing' }]);
      expect((await post({ ...redriveOf('invoices'), path: 'report' }))[0]).to.equal(400);
      expect(opened).to.deep.equal(['invoices']);
    });

    it('answer 503 when the fleet fails, with nothing of the error but its message', async () => {
      const error = Object.assign(new Error(`no database${' x'.repeat(500)}`), { query: 'select secret' });
      const { fleet } = fleetWith(() => Promise.reject(error));
      const { post } = await operated({ fleet });
      const [status, answer] = await post(redriveOf('invoices'));
      expect(status).to.equal(503);
      expect(answer['error']).to.match(/^The fleet does not answer: no database( x)+ ?$/);
      expect(JSON.stringify(answer).length).to.be.lessThan(300);
    });

    it('are not there for a fleet that only has a state', async () => {
      const { post, state } = await operated({ fleet: { state: () => Promise.resolve(exampleFleet()) } });
      expect((await state()).actions).not.to.include('redrive');
      expect((await post(redriveOf('invoices')))[0]).to.equal(400);
    });
  });
});
