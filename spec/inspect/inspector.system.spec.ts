import { expect } from 'chai';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { firstValueFrom, NEVER, Subject } from 'rxjs';
import sinon from 'sinon';
import {
  cron,
  dynamic,
  launch,
  ordered,
  supervise,
  task,
  taskRunner,
  type AppEvent,
  type LaunchOptions,
} from '../../lib/index.js';
import { inspector, type AppState, type InspectorOptions } from '../../lib/inspect/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { wrapRunner } from '../helpers/custom-runners.js';
import { httpRequest, openResponse } from '../helpers/http.js';
import { inspectedApps } from '../helpers/inspected.js';
import { waitUntil } from '../helpers/wait.js';

const stateAt = async (url: string) => JSON.parse((await httpRequest(`${url}snapshot`)).body) as AppState;
const untilCancelled = (name: string) => task(name, () => NEVER);

describe('inspector', () => {
  const inspected = inspectedApps();

  describe('probes', () => {
    it('are live at once and ready when all tasks are', async () => {
      const up$ = new Subject<void>();
      const { app, url } = await inspected([task('db', { initialize: () => up$, execute: () => NEVER })]);
      const before = await httpRequest(`${url}readyz`);
      expect([before.status, before.body, before.headers['content-type']]).to.deep.equal([
        503,
        '{"ready":false,"waitingFor":["db"]}\n',
        'application/json',
      ]);
      expect((await httpRequest(`${url}livez`)).body).to.equal('{"live":true}\n');
      up$.complete();
      const after = await httpRequest(`${url}readyz`);
      expect([after.status, after.body, app.ready]).to.deep.equal([200, '{"ready":true}\n', true]);
    });

    it('name at most 100 of the tasks that are not ready, with printable names', async () => {
      const names = Array.from({ length: 101 }, (_, index) => `db\n${index}`);
      const { url } = await inspected(
        names.map((name) => task(name, { initialize: () => NEVER, execute: () => NEVER })),
      );
      const { waitingFor } = JSON.parse((await httpRequest(`${url}readyz`)).body) as { waitingFor: string[] };
      expect(waitingFor).to.deep.equal(names.slice(0, 100).map((name) => name.replace('\n', ' ')));
    });

    it('are live and not ready during the drain and while the other tasks end', async () => {
      const clock = virtualClock(0);
      const finalized$ = new Subject<void>();
      const slow = task('slow', { execute: () => NEVER, finalize: () => finalized$ });
      const { app, url } = await inspected([slow], { drainDelay: 150, scheduler: clock });
      expect((await httpRequest(`${url}readyz`)).status).to.equal(200);
      const report = app.stop();
      expect((await httpRequest(`${url}readyz`)).status).to.equal(503);
      expect((await httpRequest(`${url}livez`)).status).to.equal(200);
      clock.advance(150);
      expect((await httpRequest(`${url}readyz`)).status).to.equal(503);
      expect((await stateAt(url)).tasks.map(({ status }) => status)).to.deep.equal(['running', 'finalizing']);
      finalized$.complete();
      expect((await report).clean).to.equal(true);
    });

    it('need neither a name of the server nor the token', async () => {
      const { url } = await inspected([], {}, { token: 'x'.repeat(16) });
      expect((await httpRequest(`${url}readyz`, { host: '10.1.2.3:8080' })).status).to.equal(200);
      expect((await httpRequest(`${url}livez`, { host: 'pod.example' })).status).to.equal(200);
    });
  });

  it('serves the tree of tasks with errors, restarts and the next runs of crons', async () => {
    let runs = 0;
    const failing = task('worker', () => {
      if (++runs === 1) throw new Error('lost it');
      return NEVER;
    });
    const { url } = await inspected([
      ordered('shop', untilCancelled('db'), supervise(failing, { backoff: { initial: 1 } })),
      cron(untilCancelled('nightly'), '@yearly'),
    ]);
    await waitUntil(() => runs === 2);
    const start = Date.now();
    const { tasks, ready, now, boot } = await stateAt(url);
    expect([ready, typeof boot]).to.deep.equal([true, 'string']);
    expect(now).to.be.within(start, Date.now());
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

  it('serves the pause, the runs and the history of crons, with the last error as data', async () => {
    const clock = virtualClock(0);
    const looped = Object.assign(new Error('no disk'), { self: {} });
    looped.self = looped;
    const report = cron(
      task('report', () => {
        throw looped;
      }),
      1000,
      { immediate: false },
    );
    const long = cron(untilCancelled('long'), 1000, { overlap: 'skip' });
    const { url } = await inspected([report, long], { scheduler: clock });
    clock.advance(2500);
    report.pause();
    const [, reportState, longState] = (await stateAt(url)).tasks;
    expect(reportState).to.deep.include({ paused: true, running: 0 });
    expect(reportState?.history).to.deep.equal({
      runs: 2,
      failures: 2,
      skipped: 0,
      missed: 0,
      last: {
        slot: 2000,
        trigger: 'schedule',
        status: 'failed',
        startedAt: 2000,
        endedAt: 2000,
        error: {
          name: 'TaskError',
          message: 'report failed in execute: no disk',
          task: 'report',
          phase: 'execute',
        },
      },
    });
    expect(longState).to.deep.include({ paused: false, running: 1 });
    expect(longState?.history).to.deep.equal({ runs: 0, failures: 0, skipped: 2, missed: 0 });
  });

  it('serves the members of a dynamic group under their keys, and the tasks that readiness waits for', async () => {
    const up$ = new Subject<void>();
    const tenants = dynamic('tenants', { readiness: 'members' });
    const { url } = await inspected([tenants]);
    tenants.add('acme', task('sync', { initialize: () => up$, execute: () => NEVER }));
    tenants.add('b.example', untilCancelled('sync'));
    const state = await stateAt(url);
    expect(state.tasks[1]?.members?.map(({ task: path, name }) => [path, name])).to.deep.equal([
      ['tenants/acme', 'acme'],
      ['tenants/b.example', 'b.example'],
    ]);
    expect([state.ready, state.waitingFor]).to.deep.equal([false, ['tenants/acme']]);
    up$.complete();
    expect(await stateAt(url)).not.to.have.property('waitingFor');
  });

  it('answers with 500 while a custom runner throws, and the application goes on', async () => {
    const logged = sinon.stub(console, 'error');
    try {
      let isBroken = false;
      const custom = Object.defineProperty(wrapRunner(taskRunner(untilCancelled('custom'))), 'status', {
        get() {
          if (isBroken) throw new Error('no status');
          return 'running';
        },
      });
      const { url } = await inspected([custom]);
      isBroken = true;
      const { status, body } = await httpRequest(`${url}snapshot`);
      expect([status, JSON.parse(body)]).to.deep.equal([
        500,
        { error: 'The inspector has failed: its process has logged the error' },
      ]);
      isBroken = false;
      expect((await httpRequest(`${url}snapshot`)).status).to.equal(200);
      expect(String(logged.args)).to.include('no status');
    } finally {
      logged.restore();
    }
  });

  describe('as a task', () => {
    it('emits its URL', async () => {
      const { url } = await inspected([]);
      expect(url).to.match(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    });

    describe('whose port is taken', () => {
      /** Launches an application with an inspector at a port that another server has. */
      const launchAtTakenPort = async (options: Partial<InspectorOptions>, launchOptions: LaunchOptions) => {
        const other = createServer().listen(0, '127.0.0.1');
        await once(other, 'listening');
        const { port } = other.address() as AddressInfo;
        const inspect = inspector({ port, ...options });
        const app = launch([inspect, untilCancelled('worker')], launchOptions);
        const { error } = await firstValueFrom(inspect.done$);
        other.close();
        return { app, error: String(error) };
      };

      it('fails alone, with an event, and the application goes on and ends clean', async () => {
        const failures: string[] = [];
        const observer = (event: AppEvent) => {
          if (event.type === 'failed') failures.push(event.error.message);
        };
        const { app, error } = await launchAtTakenPort({}, { observer });
        expect(error).to.match(/inspector failed in initialize: .*EADDRINUSE.* 127\.0\.0\.1:\d+$/);
        expect([failures.length, app.ready, app.runner('worker')?.status]).to.deep.equal([1, true, 'running']);
        const { clean, outcomes } = await app.stop();
        expect([clean, outcomes.map(({ task: name, status }) => `${name} ${status}`)]).to.deep.equal([
          true,
          ['inspector failed', 'worker cancelled'],
        ]);
      });

      it('is written to the console, if nobody observes the application', async () => {
        const write = sinon.stub(console, 'error');
        try {
          const { app } = await launchAtTakenPort({}, {});
          await app.stop();
          expect(write.args.flat().map(String).join('\n')).to.match(/inspector failed in initialize: .*EADDRINUSE/);
        } finally {
          write.restore();
        }
      });

      it('stops the application if it is not optional', async () => {
        const { app } = await launchAtTakenPort({ optional: false }, { observer: () => undefined });
        const { clean, cause } = await app;
        expect([clean, String(cause)]).to.match(/^false,.*EADDRINUSE/);
      });
    });

    it('survives a later error of its server', async () => {
      let server: Server | undefined;
      const onRequest = (message: unknown) => ({ server } = message as { server: Server });
      subscribe('http.server.request.start', onRequest);
      const { url } = await inspected([]);
      await httpRequest(`${url}livez`);
      unsubscribe('http.server.request.start', onRequest);
      // The error of a process without free file descriptors.
      server?.emit('error', new Error('accept EMFILE'));
      expect((await httpRequest(`${url}livez`)).status).to.equal(200);
    });

    it('continues until the other tasks have ended, and no longer', async () => {
      const finalized$ = new Subject<void>();
      const slow = task('slow', { execute: () => NEVER, finalize: () => finalized$ });
      // Without a deadline, only the end of the others ends the inspector.
      const { app, url } = await inspected([slow], { timeout: Infinity });
      const report = app.stop();
      expect((await stateAt(url)).tasks[1]?.status).to.equal('finalizing');
      finalized$.complete();
      const { outcomes, clean } = await report;
      expect([clean, outcomes.map(({ task: name }) => name)]).to.deep.equal([true, ['slow', 'inspector']]);
      const refused = await httpRequest(`${url}livez`).catch((error: unknown) => error);
      expect(refused).to.have.property('code', 'ECONNREFUSED');
    });

    it('ends before the deadline when another task does not', async () => {
      const clock = virtualClock(0);
      const hanging = task('hanging', { execute: () => NEVER, finalize: () => NEVER });
      const ended: string[] = [];
      const { app } = await inspected([hanging], {
        timeout: 200,
        scheduler: clock,
        observer: (event) => {
          if (event.type === 'done') ended.push(event.task);
        },
      });
      const report = app.stop();
      clock.advance(100);
      await waitUntil(() => ended.includes('inspector'));
      clock.advance(100);
      expect((await report).outcomes.map(({ task: name, status }) => `${name} ${status}`)).to.deep.equal([
        'inspector cancelled',
        'hanging timed-out',
      ]);
    });

    it('can be a member of a group and start again', async () => {
      const runner = inspector({ port: 0 });
      for (const round of [1, 2]) {
        const url = firstValueFrom(runner.results$);
        const app = launch([ordered('app', runner, untilCancelled('a'))]);
        expect(
          (await stateAt(await url)).tasks[0]?.members?.map(({ task: path }) => path),
          String(round),
        ).to.deep.equal(['app/inspector', 'app/a']);
        expect((await app.stop()).clean).to.equal(true);
      }
    });

    it('does not wait for the group that it is a member of', async () => {
      const inspect = inspector({ port: 0 });
      const url = firstValueFrom(inspect.results$);
      const app = launch([ordered('app', untilCancelled('a'), inspect)], { timeout: Infinity });
      await url;
      expect((await app.stop()).outcomes.map(({ status }) => status)).to.deep.equal(['cancelled']);
    });

    it('does not wait for a custom runner that has not begun to run', async () => {
      const idle = { ...wrapRunner(taskRunner(untilCancelled('idle'))), start: () => NEVER };
      const { app } = await inspected([idle], { timeout: Infinity });
      expect((await app.stop()).outcomes.map(({ task: name, status }) => `${name} ${status}`)).to.have.members([
        'idle not-started',
        'inspector cancelled',
      ]);
    });

    it('ends despite open event streams and half-sent requests', async () => {
      const { app, url } = await inspected([]);
      const { port } = new URL(url);
      const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
      socket.write('GET / HTTP/1.1\r\nhos');
      const response = await openResponse(`${url}events`);
      response.resume().on('error', () => undefined);
      expect((await app.stop()).clean).to.equal(true);
      socket.destroy();
    });
  });
});
