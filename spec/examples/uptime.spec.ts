import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import { Subject } from 'rxjs';
import { DeadlineError, taskRunner } from 'rxjs-tasks';
import { scenario, script } from 'rxjs-tasks/testing';
import { parse, UsageError } from '../../examples/uptime/arguments.js';
import { display, table } from '../../examples/uptime/display.js';
import { monitor } from '../../examples/uptime/monitor.js';
import { reasonOf, type Probe } from '../../examples/uptime/probe.js';
import { quantile, remember, summarise, type Summary, type Window } from '../../examples/uptime/statistics.js';

const url = 'http://localhost:8080/health';
const up = (ms: number): Probe => ({ url, at: 0, up: true, ms });
const down: Probe = { url, at: 0, up: false, reason: 'refused' };

describe('The uptime example in virtual time', () => {
  describe('arguments', () => {
    it('have defaults', () => {
      expect(parse([])).to.deep.equal({ urls: [], every: 2000, for: Infinity, timeout: 1500, port: 0, help: false });
      expect(parse(['--every', '1m']).timeout).to.equal(5000);
    });

    it('are parsed in any order, and a repeated URL counts once', () => {
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

    it('ignore the latency of failures', () => {
      const { median, p95, availability, probes } = summarise([up(30), down, up(10), up(20)]);
      expect({ median, p95, availability, probes }).to.deep.equal({
        median: 20,
        p95: 29,
        availability: 0.75,
        probes: 4,
      });
      expect(summarise([down])).to.deep.equal({ ...down, probes: 1, availability: 0 });
    });

    it('cover the last 100 probes of each target', () => {
      let windows: Window[] = [];
      for (let round = 1; round <= 150; round++) windows = remember(windows, [up(round), down]);
      const [first, second] = windows.map(summarise);
      expect(first).to.deep.equal({ ...up(150), probes: 100, availability: 1, median: 100.5, p95: 145.05 });
      expect(second).to.deep.equal({ ...down, probes: 100, availability: 0 });
    });
  });

  describe('the reason of a failure', () => {
    it('is found in the cause of the error of fetch', () => {
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
    /** Draws each of the rounds, and returns the output. */
    const draw = (screen: object, ...rounds: Summary[][]) => {
      const written: string[] = [];
      const show = display({ ...screen, write: (text) => written.push(text) });
      rounds.forEach(show);
      return written;
    };

    it('prints a line for each target without a terminal', () => {
      const [text] = draw({}, round.slice(0, 1));
      expect(text).to.match(
        /^\d\d:\d\d:\d\d up {3}http:\S+\/health {2}12 ms {2}\(median 10 ms, p95 12 ms, 100\.0 %\)\n$/,
      );
    });

    it('fits the terminal, and truncates the middle of a long URL', () => {
      for (const columns of [40, 80, 120]) {
        for (const line of table(round, columns, 24)) expect(line.length).to.be.below(columns);
      }
      expect(table(round, 80, 24)[2]).to.match(/^down {2}http:\/\/loc\S*…\S*\/health {2}refused/);
      expect(table(round, 80, 2)).to.have.lengthOf(1);
    });

    it('overwrites its last output on a terminal', () => {
      const [first, second] = draw({ isTTY: true, columns: 80, rows: 24 }, round, round);
      expect(first?.startsWith('\r    ')).to.equal(true);
      expect(second).to.equal(`\r\x1b[3A${String(first).slice(1)}`);
    });

    it('assumes 80 by 24 for a terminal without a size', () => {
      const sized = draw({ isTTY: true, columns: 80, rows: 24 }, round, round);
      expect(draw({ isTTY: true, columns: 0, rows: 0 }, round, round)).to.deep.equal(sized);
    });

    it('uses colours on a terminal that supports them', () => {
      const [text] = draw({ isTTY: true, hasColors: () => true }, round);
      expect(text).to.include('\n\x1b[32mup\x1b[39m ').and.to.include('\n\x1b[31mdown\x1b[39m ');
    });
  });

  describe('the monitor', () => {
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

    it('probes in rounds from when the server listens until --for has passed, and cancels the last round', async () => {
      const output: unknown[] = [];
      const status$ = new Subject<readonly Summary[]>();
      status$.subscribe((summaries) =>
        output.push(summaries.map((summary) => (summary.up ? summary.ms : summary.reason))),
      );
      const { report } = await scenario({
        run: () => {
          const server = taskRunner(script('server', '[-->u(!])--|', { values: { u: url } }));
          const options = { urls: Object.keys(replies), every: 2000, timeout: 1500, for: 5000 };
          return monitor(options, server, status$, (...announced) => output.push(announced));
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
      expect(output).to.deep.equal([[Object.keys(replies), `${url}/status`], round, round]);
      expect(String(report)).to.include('the time given by --for is over. Clean');
    });
  });
});
