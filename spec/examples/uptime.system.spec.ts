import { expect } from 'chai';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { BehaviorSubject, firstValueFrom } from 'rxjs';
import { taskRunner, withCancel } from 'rxjs-tasks';
import { log } from '../../examples/uptime/display.js';
import { type Probe } from '../../examples/uptime/probe.js';
import { summarise, type Summary } from '../../examples/uptime/statistics.js';
import { statusServer } from '../../examples/uptime/status-server.js';
import { withoutLateLines } from '../helpers/late-lines.js';
import { closeTargets, request, startTarget, whenRefused, type Answer } from '../helpers/uptime-http.js';
import { killMonitors, startMonitor, statusUrl } from '../helpers/uptime-process.js';

const url = 'http://localhost:8080/health';
const down: Probe = { url, at: 0, up: false, reason: 'refused' };

describe('The uptime example', () => {
  afterEach(() => {
    killMonitors();
    closeTargets();
  });

  it('watches itself without a target, until --for has passed', async () => {
    const monitor = startMonitor('--every', '100ms', '--timeout', '30s', '--for', '5s');
    const { code, stdout, stderr } = await monitor.ended;
    const [watching, status, , ...lines] = stdout.split('\n');
    expect(status).to.match(/^Status at http:\/\/127\.0\.0\.1:\d+\/status$/);
    expect(watching).to.equal(status?.replace('Status at', 'Watching'));
    const probes = lines.slice(0, lines.indexOf(''));
    expect(probes).to.have.lengthOf.at.least(2);
    for (const probe of probes) expect(probe).to.match(/^\d\d:\d\d:\d\d up {3}http:\S+\/status .* 100\.0 %\)$/);
    expect(stdout).to.match(/Stopped by CancelledError: the time given by --for is over\. Clean, in /);
    expect(stdout)
      .to.match(/^ {2}status server +cancelled +\d/m)
      .and.to.match(/^ {2}rounds +cancelled, runs \d/m);
    expect({ code, stderr: withoutLateLines(stderr) }).to.deep.equal({ code: 0, stderr: '' });
  });

  it('reports a target that goes down, with the reason', async () => {
    const [stays, leaves] = [await startTarget(), await startTarget()];
    const monitor = startMonitor(stays.url, leaves.url, '--every', '200ms', '--timeout', '30s');
    await monitor.line(/^Watching 2 targets$/);
    await monitor.line(new RegExp(`up +${leaves.url} .* 100\\.0 %`));
    leaves.close();
    await monitor.line(new RegExp(`down ${leaves.url} +refused +\\(median \\d.* \\d+\\.\\d %\\)`));
    monitor.kill('SIGTERM');
    const { code, stdout } = await monitor.ended;
    expect(stdout).not.to.include(`down ${stays.url}`);
    expect(code).to.equal(0);
  });

  it('reports the reason of a target that does not answer, fails or hangs up, and that a redirect is up', async () => {
    const [silent, failing, rude, moved] = [
      await startTarget(() => undefined),
      await startTarget((_, response) => response.writeHead(500).end('oops')),
      await startTarget((incoming) => incoming.socket.destroy()),
      await startTarget((_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()),
    ];
    const monitor = startMonitor(silent.url, failing.url, rude.url, moved.url, '--timeout', '3s');
    await monitor.line(new RegExp(`down ${silent.url} +timed out after 3000 ms +\\(median –, p95 –, 0\\.0 %\\)`));
    await monitor.line(new RegExp(`down ${failing.url} +status 500 `));
    await monitor.line(new RegExp(`down ${rude.url} +connection lost `));
    await monitor.line(new RegExp(`up {3}${moved.url} +\\d.* 100\\.0 %`));
    monitor.kill('SIGINT');
    expect((await monitor.ended).code).to.equal(0);
  });

  it('serves its display as JSON', async () => {
    const [good, bad] = [await startTarget(), await startTarget((_, response) => response.writeHead(503).end())];
    const monitor = startMonitor(good.url, bad.url, '--every', '300ms', '--timeout', '30s');
    const status = await statusUrl(monitor);
    const { targets } = (await (await fetch(`${status}?wait=next`)).json()) as { targets: Summary[] };
    for (const line of log(targets)) await monitor.line(new RegExp(`^${line.trim().replace(/[()]/g, '\\$&')}$`));
    expect(targets[0]).to.include({ url: good.url, up: true, availability: 1 });
    expect(targets[0]).to.have.all.keys('url', 'at', 'up', 'ms', 'probes', 'availability', 'median', 'p95');
    expect(targets[1]).to.include({ url: bad.url, up: false, reason: 'status 503', availability: 0 });
    expect(targets[1]).to.have.all.keys('url', 'at', 'up', 'reason', 'probes', 'availability');

    const later = (await (await fetch(status)).json()) as { targets: Summary[] };
    expect(later.targets.map(({ url }) => url)).to.deep.equal([good.url, bad.url]);
    const elsewhere = await fetch(new URL('/', status));
    expect(elsewhere.status).to.equal(404);
    expect(await elsewhere.json()).to.have.keys('error');
    monitor.kill('SIGTERM');
    expect((await monitor.ended).code).to.equal(0);
  });

  it('loses no request at a SIGTERM', async () => {
    const watched = await startTarget();
    // There is one round only: the next one would be in an hour.
    const monitor = startMonitor(watched.url, '--every', '1h');
    const status = await statusUrl(monitor);
    await monitor.line(/ up /);
    const agents = Array.from({ length: 6 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    const [pollAgent, idleAgent, ...busyAgents] = agents as [Agent, Agent, ...Agent[]];
    const silent = connect(Number(new URL(status).port), '127.0.0.1');
    await once(silent, 'connect');
    await request(status, idleAgent).answer;
    const poll = request(`${status}?wait=next`, pollAgent);
    await poll.sent;

    let signalled = false;
    let sentBefore = 0;
    const answers: Answer[] = [];
    let warm = 0;
    let warmedUp = (): void => undefined;
    const warmUp = new Promise<void>((resolve) => (warmedUp = resolve));
    const busy = busyAgents.map(async (agent) => {
      for (let count = 1; ; count++) {
        const { sent, answer } = request(status, agent);
        await sent;
        if (!signalled) sentBefore++;
        // Every client has a pending request at the signal.
        if (count === 20 && ++warm === busyAgents.length) warmedUp();
        const got = await answer;
        answers.push(got);
        if (got.connection === 'close') return;
      }
    });
    await warmUp;
    monitor.kill('SIGTERM');
    signalled = true;

    // Each has received an answer that closes its connection.
    await Promise.all(busy);
    // On a connection that was idle at the signal.
    const late = await request(status, idleAgent).answer;
    const polled = await poll.answer;
    const { code, stdout, stderr } = await monitor.ended;
    for (const agent of agents) agent.destroy();
    silent.destroy();

    expect(sentBefore).to.be.at.least(20 * busyAgents.length);
    expect(answers).to.have.lengthOf.at.least(sentBefore);
    const body = polled.body as { targets: Summary[] };
    expect(body.targets[0]).to.include({ url: watched.url, up: true, probes: 1 });
    for (const answer of [...answers, late, polled]) expect(answer).to.deep.include({ status: 200, body });
    expect([late.connection, polled.connection]).to.deep.equal(['close', 'close']);
    expect(stdout).to.match(/Stopped by SignalError: Received SIGTERM\. Clean, in /);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
  });

  it('finishes its answer to a slow reader', async () => {
    const [ctx, cancel] = withCancel();
    const large = summarise([{ ...down, reason: 'word '.repeat(4e6) }]);
    const runner = taskRunner(statusServer(0, new BehaviorSubject<readonly Summary[]>([large])));
    const listening = firstValueFrom(runner.results$);
    const running = runner.start(ctx).subscribe();
    const status = `${await listening}/status`;
    const [response] = (await once(get(status), 'response')) as [IncomingMessage];
    cancel();
    await whenRefused(status);
    expect(runner.status).to.equal('finalizing');
    expect(await json(response)).to.deep.equal({ targets: [large] });
    expect((await firstValueFrom(runner.done$)).status).to.equal('cancelled');
    expect(running.closed).to.equal(true);
  });

  it('fails when its port is taken', async () => {
    const { server } = await startTarget();
    const { port } = server.address() as AddressInfo;
    const { code, stdout, stderr } = await startMonitor('--port', String(port)).ended;
    expect(stdout)
      .to.match(/^ {2}status server +failed/m)
      .and.to.match(/^ {2}rounds +cancelled/m);
    expect(stderr).to.include(`address already in use 127.0.0.1:${port}`);
    expect(code).to.equal(1);
  });

  it('cancels the current round at a SIGINT', async () => {
    let hungUp: Promise<unknown> | undefined;
    const silent = await startTarget((incoming) => void (hungUp = once(incoming.socket, 'close')));
    const monitor = startMonitor(silent.url, '--every', '2m', '--timeout', '1m');
    await once(silent.server, 'request');
    monitor.kill('SIGINT');
    const { code, stdout, stderr } = await monitor.ended;
    await hungUp;
    expect(stdout).not.to.match(/ (up|down) /);
    expect(stdout).to.match(/Stopped by SignalError: Received SIGINT\. Clean, in /);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
  });

  it('prints one line about invalid arguments, and exits with 2', async () => {
    const wrong = [['not-a-url'], ['--nope'], ['--every', 'soon']];
    const exits = await Promise.all(wrong.map((args) => startMonitor(...args).ended));
    expect(
      exits.map(({ code, stdout, stderr }) => ({ code, stdout, lines: stderr.split('\n').length - 1 })),
    ).to.deep.equal(wrong.map(() => ({ code: 2, stdout: '', lines: 1 })));
    expect(exits.map(({ stderr }) => /^Expected (.*) to be .*, got `(.*)`\n$/.exec(stderr)?.slice(1))).to.deep.equal([
      ['a target', 'not-a-url'],
      ['a flag', '--nope'],
      ['--every', 'soon'],
    ]);
  });

  it('prints its usage', async () => {
    const { code, stdout, stderr } = await startMonitor('--help').ended;
    expect(stdout)
      .to.match(/^Usage: npm start -- /)
      .and.to.include('--timeout <duration>');
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
  });
});
