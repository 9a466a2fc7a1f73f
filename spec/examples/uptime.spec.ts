import { expect } from 'chai';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { BehaviorSubject, firstValueFrom, Subject } from 'rxjs';
import { DeadlineError, taskRunner, withCancel } from 'rxjs-tasks';
import { scenario, script } from 'rxjs-tasks/testing';
import { parse, UsageError } from '../../examples/uptime/arguments.js';
import { display, log, table } from '../../examples/uptime/display.js';
import { monitor } from '../../examples/uptime/monitor.js';
import { reasonOf, type Probe } from '../../examples/uptime/probe.js';
import { quantile, remember, summarise, type Summary, type Window } from '../../examples/uptime/statistics.js';
import { statusServer } from '../../examples/uptime/status-server.js';
import { closeTargets, refused, request, target, type Answer } from '../helpers/uptime-http.js';
import { killMonitors, uptime } from '../helpers/uptime-process.js';

const url = 'http://localhost:8080/health';
const up = (ms: number): Probe => ({ url, at: 0, up: true, ms });
const down: Probe = { url, at: 0, up: false, reason: 'refused' };

describe('uptime', () => {
  afterEach(() => {
    killMonitors();
    closeTargets();
  });

  describe('the arguments', () => {
    it('have defaults', () => {
      expect(parse([])).to.deep.equal({ urls: [], every: 2000, for: Infinity, timeout: 1500, port: 0, help: false });
      expect(parse(['--every', '1m']).timeout).to.equal(5000);
    });

    it('are read in any order, and a URL counts once', () => {
      const args = ['-h', url, '--every=500ms', 'https://example.org', '--for', '1.5m', url, '--timeout', '1h'];
      expect(parse([...args, '--port', '8080'])).to.deep.equal({
        urls: [url, 'https://example.org'],
        every: 500,
        for: 90_000,
        timeout: 3_600_000,
        port: 8080,
        help: true,
      });
    });

    for (const [args, message] of [
      [
        ['ftp://x'],
        'Expected a target to be a URL such as https://example.org/health, without a user name, got `ftp://x`',
      ],
      [['http://me:secret@x'], /^Expected a target to be a URL .* without a user name, got/],
      [['localhost:8080'], /^Expected a target to be a URL such as .*, got `localhost:8080`$/],
      [['--often', '2s'], 'Expected a flag to be one of --every, --for, --timeout, --port, --help, got `--often`'],
      [['-x'], /^Expected a flag to be one of .*, got `-x`$/],
      [['--every', '2'], 'Expected --every to be a duration such as 500ms, 2s, 1.5m or 1h, got `2`'],
      [['--every', '-2s'], /^Expected --every .*, got `-2s`$/],
      [['--timeout', '0s'], /^Expected --timeout .*, got `0s`$/],
      [['--for='], /^Expected --for .*, got ``$/],
      [['--for'], /^Expected --for .*, got no value$/],
      [['--port', '65536'], 'Expected --port to be a number from 0 to 65535, got `65536`'],
    ] as const) {
      it(`are refused when they are ${args.join(' ')}`, () => {
        expect(() => parse(args)).to.throw(UsageError, message);
      });
    }
  });

  describe('the statistics', () => {
    it('have the exact median and 95th percentile', () => {
      const oneTo101 = Array.from({ length: 101 }, (_, index) => index + 1);
      expect(quantile(oneTo101, 0.5)).to.equal(51);
      expect(quantile(oneTo101, 0.95)).to.equal(96);
      expect(quantile([1, 2, 3, 10], 0.5)).to.equal(2.5);
      expect(quantile([0, 100], 0.95)).to.equal(95);
      expect(quantile([7], 0.95)).to.equal(7);
    });

    it('leave the latency of failures out, and know none without a success', () => {
      const { median, p95, availability, probes } = summarise([up(30), down, up(10), up(20)]);
      expect({ median, p95, availability, probes }).to.deep.equal({
        median: 20,
        p95: 29,
        availability: 0.75,
        probes: 4,
      });
      expect(summarise([down])).to.deep.equal({ ...down, probes: 1, availability: 0 });
    });

    it('speak of the last 100 probes of each target', () => {
      let windows: Window[] = [];
      for (let round = 1; round <= 150; round++) windows = remember(windows, [up(round), down]);
      const [first, second] = windows.map(summarise);
      expect(first).to.deep.equal({ ...up(150), probes: 100, availability: 1, median: 100.5, p95: 145.05 });
      expect(second).to.deep.equal({ ...down, probes: 100, availability: 0 });
    });
  });

  describe('a reason', () => {
    it('is found under what fetch wraps it in', () => {
      const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      expect(reasonOf(new TypeError('fetch failed', { cause: refused }))).to.equal('refused');
      expect(reasonOf(new TypeError('fetch failed', { cause: new AggregateError([refused]) }))).to.equal('refused');
      expect(reasonOf(new TypeError('fetch failed', { cause: new Error('bad port') }))).to.equal('bad port');
      expect(reasonOf(Object.assign(new Error(), { code: 'ENOTFOUND' }))).to.equal('no such host (DNS)');
      expect(reasonOf(new DeadlineError(250))).to.equal('timed out after 250 ms');
    });
  });

  describe('the display', () => {
    const round = [
      summarise([up(12), up(8)]),
      summarise([{ ...down, url: `http://localhost:8080/${'long/'.repeat(20)}health` }]),
    ];
    /** Draws each of the rounds, and tells what was written for it. */
    const draw = (screen: object, ...rounds: Summary[][]) => {
      const written: string[] = [];
      const show = display({ ...screen, write: (text) => written.push(text) });
      rounds.forEach(show);
      return written;
    };

    it('is a line for each target where there is no terminal', () => {
      const [text] = draw({}, round.slice(0, 1));
      expect(text).to.match(
        /^\d\d:\d\d:\d\d up {3}http:\S+\/health {2}12 ms {2}\(median 10 ms, p95 12 ms, 100\.0 %\)\n$/,
      );
    });

    it('fits the terminal, and shows both ends of a URL that does not', () => {
      for (const columns of [40, 80, 120]) {
        for (const line of table(round, columns, 24)) expect(line.length).to.be.below(columns);
      }
      expect(table(round, 80, 24)[2]).to.match(/^down {2}http:\/\/loc\S*…\S*\/health {2}refused/);
      expect(table(round, 80, 2)).to.have.lengthOf(1);
    });

    it('draws over what it has drawn on a terminal', () => {
      const [first, second] = draw({ isTTY: true, columns: 80, rows: 24 }, round, round);
      expect(first?.startsWith('\r    ')).to.equal(true);
      expect(second).to.equal(`\r\x1b[3A${String(first).slice(1)}`);
    });

    it('takes a terminal that does not know its size for one of 80 by 24', () => {
      const sized = draw({ isTTY: true, columns: 80, rows: 24 }, round, round);
      expect(draw({ isTTY: true, columns: 0, rows: 0 }, round, round)).to.deep.equal(sized);
    });

    it('has colours on a terminal that has them', () => {
      const [text] = draw({ isTTY: true, hasColors: () => true }, round);
      expect(text).to.include('\n\x1b[32mup\x1b[39m ').and.to.include('\n\x1b[31mdown\x1b[39m ');
    });
  });

  describe('the monitor in virtual time', () => {
    const { fetch } = globalThis;
    const replies: Record<string, [ms: number, status: number]> = {
      good: [30, 200],
      bad: [40, 500],
      slow: [5000, 200],
    };

    beforeEach(() => {
      globalThis.fetch = async (target, { signal } = {}) => {
        const [ms, status] = replies[target as string] ?? expect.fail();
        await delay(ms, undefined, { signal: signal ?? undefined });
        return new Response('ok', { status });
      };
    });
    afterEach(() => (globalThis.fetch = fetch));

    it('probes in rounds from when the server listens, until its time is over, and lets go of the last round', async () => {
      const told: unknown[] = [];
      const status$ = new Subject<readonly Summary[]>();
      status$.subscribe((summaries) => told.push(summaries.map((one) => (one.up ? one.ms : one.reason))));
      const { report } = await scenario({
        run: () => {
          const server = taskRunner(script('server', '[-->u(!])--|', { values: { u: url } }));
          const options = { urls: Object.keys(replies), every: 2000, timeout: 1500, for: 5000 };
          return monitor(options, server, status$, (...announced) => told.push(announced));
        },
        values: { u: url },
        expect: `
          server       [-->u    1.499s - 499ms - 1.499s - 499ms - 995ms (!]) --|
          rounds       [---(>+) 1.499s _ 499ms + 1.499s _ 499ms + 995ms (!]|)
          time limit   >----    1.499s - 499ms - 1.499s - 499ms - 995ms (!|)
          readiness    ---->    1.499s - 499ms - 1.499s - 499ms - 995ms <
          application  -----    1.499s - 499ms - 1.499s - 499ms - 995ms !    --|
        `,
      });
      const round = [30, 'status 500', 'timed out after 1500 ms'];
      expect(told).to.deep.equal([[Object.keys(replies), url], round, round]);
      expect(String(report)).to.include('the time given by --for is over. Clean');
    });
  });

  describe('the monitor', () => {
    it('watches itself when there is nothing else to watch, until --for is over', async () => {
      const monitor = uptime('--every', '300ms', '--timeout', '5s', '--for', '1s');
      const { code, stdout, stderr } = await monitor.exit;
      const [watching, status, , ...lines] = stdout.split('\n');
      expect(status).to.match(/^Status at http:\/\/127\.0\.0\.1:\d+\/status$/);
      expect(watching).to.equal(status?.replace('Status at', 'Watching'));
      const probes = lines.slice(0, lines.indexOf(''));
      expect(probes).to.have.lengthOf.at.least(2);
      for (const probe of probes) expect(probe).to.match(/^\d\d:\d\d:\d\d up {3}http:\S+\/status .* 100\.0 %\)$/);
      expect(stdout).to.match(/Stopped by CancelledError: the time given by --for is over\. Clean, in /);
      expect(stdout)
        .to.match(/^ {2}status server +cancelled +\d/m)
        .and.to.match(/^ {2}rounds +cancelled +\d/m);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    });

    it('tells what goes down, and why', async () => {
      const [stays, leaves] = [await target(), await target()];
      const monitor = uptime(stays.url, leaves.url, '--every', '200ms', '--timeout', '5s');
      await monitor.line(/^Watching 2 targets$/);
      await monitor.line(new RegExp(`up +${leaves.url} .* 100\\.0 %`));
      leaves.close();
      await monitor.line(new RegExp(`down ${leaves.url} +refused +\\(median \\d.* \\d+\\.\\d %\\)`));
      monitor.kill('SIGTERM');
      const { code, stdout } = await monitor.exit;
      expect(stdout).not.to.include(`down ${stays.url}`);
      expect(code).to.equal(0);
    });

    it('tells by its reason a target that does not answer, fails, hangs up, or answers well', async () => {
      const [silent, failing, rude, moved] = [
        await target(() => undefined),
        await target((_, response) => response.writeHead(500).end('oops')),
        await target((incoming) => incoming.socket.destroy()),
        await target((_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()),
      ];
      const monitor = uptime(silent.url, failing.url, rude.url, moved.url, '--timeout', '700ms');
      await monitor.line(new RegExp(`down ${silent.url} +timed out after 700 ms +\\(median –, p95 –, 0\\.0 %\\)`));
      await monitor.line(new RegExp(`down ${failing.url} +status 500 `));
      await monitor.line(new RegExp(`down ${rude.url} +connection lost `));
      await monitor.line(new RegExp(`up {3}${moved.url} +\\d.* 100\\.0 %`));
      monitor.kill('SIGINT');
      expect((await monitor.exit).code).to.equal(0);
    });

    it('serves as JSON what it shows', async () => {
      const [good, bad] = [await target(), await target((_, response) => response.writeHead(503).end())];
      const monitor = uptime(good.url, bad.url, '--every', '300ms', '--timeout', '5s');
      const status = await monitor.status();
      const { targets } = (await (await fetch(`${status}?wait=next`)).json()) as { targets: Summary[] };
      for (const line of log(targets)) await monitor.line(new RegExp(`^${line.trim().replace(/[()]/g, '\\$&')}$`));
      expect(targets[0]).to.include({ url: good.url, up: true, availability: 1 });
      expect(targets[0]).to.have.all.keys('url', 'at', 'up', 'ms', 'probes', 'availability', 'median', 'p95');
      expect(targets[1]).to.include({ url: bad.url, up: false, reason: 'status 503', availability: 0 });
      expect(targets[1]).to.have.all.keys('url', 'at', 'up', 'reason', 'probes', 'availability');

      const later = (await (await fetch(status)).json()) as { targets: Summary[] };
      expect(later.targets.map((one) => one.url)).to.deep.equal([good.url, bad.url]);
      const elsewhere = await fetch(new URL('/', status));
      expect(elsewhere.status).to.equal(404);
      expect(await elsewhere.json()).to.have.keys('error');
      monitor.kill('SIGTERM');
      expect((await monitor.exit).code).to.equal(0);
    });

    it('loses no request when SIGTERM comes in the middle of them', async () => {
      const watched = await target();
      // So that there is one round, and the next would be in an hour.
      const monitor = uptime(watched.url, '--every', '1h');
      const status = await monitor.status();
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
          // Every client has one under way at the signal.
          if (count === 20 && ++warm === busyAgents.length) warmedUp();
          const got = await answer;
          answers.push(got);
          if (got.connection === 'close') return;
        }
      });
      await warmUp;
      monitor.kill('SIGTERM');
      signalled = true;

      const polled = await poll.answer;
      // On a connection that was idle at the signal.
      const late = await request(status, idleAgent).answer;
      await Promise.all(busy);
      const { code, stdout, stderr } = await monitor.exit;
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

    it('finishes an answer whose reader is slow', async () => {
      const [ctx, cancel] = withCancel();
      const wordy = summarise([{ ...down, reason: 'word '.repeat(4e6) }]);
      const runner = taskRunner(statusServer(0, new BehaviorSubject<readonly Summary[]>([wordy])));
      const listening = firstValueFrom(runner.results$);
      const running = runner.start(ctx).subscribe();
      const status = await listening;
      const [response] = (await once(get(status), 'response')) as [IncomingMessage];
      cancel();
      await refused(status);
      expect(runner.status).to.equal('finalizing');
      expect(await json(response)).to.deep.equal({ targets: [wordy] });
      expect((await firstValueFrom(runner.done$)).status).to.equal('cancelled');
      expect(running.closed).to.equal(true);
    });

    it('fails when its port is taken', async () => {
      const { server } = await target();
      const { port } = server.address() as AddressInfo;
      const { code, stdout, stderr } = await uptime('--port', String(port)).exit;
      expect(stdout)
        .to.match(/^ {2}status server +failed/m)
        .and.to.match(/^ {2}rounds +cancelled/m);
      expect(stderr).to.include(`address already in use 127.0.0.1:${port}`);
      expect(code).to.equal(1);
    });

    it('lets go of a round under way at SIGINT', async () => {
      let hungUp: Promise<unknown> | undefined;
      const silent = await target((incoming) => void (hungUp = once(incoming.socket, 'close')));
      const monitor = uptime(silent.url, '--every', '2m', '--timeout', '1m');
      await once(silent.server, 'request');
      monitor.kill('SIGINT');
      const { code, stdout, stderr } = await monitor.exit;
      await hungUp;
      expect(stdout).not.to.match(/ (up|down) /);
      expect(stdout).to.match(/Stopped by SignalError: Received SIGINT\. Clean, in /);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    });

    it('says in one line what is wrong with its arguments, and exits with 2', async () => {
      const wrong = [['not-a-url'], ['--nope'], ['--every', 'soon']];
      const exits = await Promise.all(wrong.map((args) => uptime(...args).exit));
      expect(
        exits.map(({ code, stdout, stderr }) => ({ code, stdout, lines: stderr.split('\n').length - 1 })),
      ).to.deep.equal(wrong.map(() => ({ code: 2, stdout: '', lines: 1 })));
      expect(exits.map(({ stderr }) => /^Expected (.*) to be .*, got `(.*)`\n$/.exec(stderr)?.slice(1))).to.deep.equal([
        ['a target', 'not-a-url'],
        ['a flag', '--nope'],
        ['--every', 'soon'],
      ]);
    });

    it('shows its usage', async () => {
      const { code, stdout, stderr } = await uptime('--help').exit;
      expect(stdout)
        .to.match(/^Usage: npm start -- /)
        .and.to.include('--timeout <duration>');
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    });
  });
});
