import { parseArgs } from 'node:util';

/** Times are in ms. */
export interface Options {
  readonly urls: readonly string[];
  readonly every: number;
  readonly for: number;
  readonly timeout: number;
  readonly port: number;
  readonly help: boolean;
}

/** An error in the arguments, described in one line. */
export class UsageError extends Error {
  constructor(name: string, what: string, got: string | boolean) {
    super(`Expected ${name} to be ${what}, got ${typeof got === 'string' ? `\`${got}\`` : 'no value'}`);
  }
}

export const usage = `Usage: npm start -- [options] [url…]

Probes the URLs in rounds, or its own status server when there are none. Shows their
availability and latency over the last 100 rounds here, and as JSON at the status server,
where /status?wait=next answers after the next round. Ctrl-C ends it.

  --every <duration>    the time from one round to the next; default: 2s
  --for <duration>      ends the monitor after that
  --timeout <duration>  of a probe; default: three quarters of --every, at most 5s
  --port <number>       of the status server; default: any free port
  -h, --help            shows this

A duration is a number with its unit, as 500ms, 2s, 1.5m or 1h.`;

const flags = {
  every: { type: 'string' },
  for: { type: 'string' },
  timeout: { type: 'string' },
  port: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws UsageError */
export function parse(args: readonly string[]): Options {
  // Not strict, because its messages take several lines and do not say what was expected.
  const given = parseArgs({ args: [...args], options: flags, strict: false, allowPositionals: true, tokens: true });
  for (const token of given.tokens) {
    if (token.kind === 'option' && !Object.hasOwn(flags, token.name)) {
      throw new UsageError('a flag', `one of --${Object.keys(flags).join(', --')}`, token.rawName);
    }
  }
  const { every = '2s', for: limit, timeout, port = '0', help = false } = given.values;
  const period = duration('--every', every);
  return {
    urls: [...new Set(given.positionals.map(url))],
    every: period,
    for: limit === undefined ? Infinity : duration('--for', limit),
    // So that a round is over before the next one is due.
    timeout: timeout === undefined ? Math.min(5000, Math.ceil(period * 0.75)) : duration('--timeout', timeout),
    port: portNumber(port),
    help: help !== false,
  };
}

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function duration(flag: string, given: string | boolean): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(`${given}`) ?? [];
  const ms = Number(amount) * (units[unit] ?? NaN);
  if (ms > 0 && ms < Infinity) return ms;
  throw new UsageError(flag, 'a duration such as 500ms, 2s, 1.5m or 1h', given);
}

function portNumber(given: string | boolean): number {
  if (/^\d{1,5}$/.test(`${given}`) && Number(given) < 65_536) return Number(given);
  throw new UsageError('--port', 'a number from 0 to 65535', given);
}

function url(given: string): string {
  const { protocol = '', username = '' } = URL.canParse(given) ? new URL(given) : {};
  if (/^https?:$/.test(protocol) && username === '') return given;
  throw new UsageError('a target', 'a URL such as https://example.org/health, without a user name', given);
}
