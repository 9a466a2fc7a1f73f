import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { firstOutput } from '../first-output.js';
import { load } from '../load.js';

export const title = 'otel: a request of an HTTP server, by n connections';
export const unit = 'µs';
export const sizes = [20];
export const label = (n) => `${n} connections`;
export const repetitions = 7;
export const limit = 60_000;

/** Requests before the measurement, and in it. */
const [before, requests] = [30_000, 60_000];

/** Each is a server of ../otel-server.js. */
export const contenders = {
  'node:http': { server: 'nothing' },
  'a span by hand': { server: 'span' },
  'rxjs-tasks': { server: 'run' },
  'a span with attributes by hand': { server: 'span', described: true },
  'a span and metrics by hand': { server: 'span', metered: true },
  'a span with attributes and metrics by hand': { server: 'span', described: true, metered: true },
  'rxjs-tasks, metrics': { server: 'run', metered: true },
};

/** Measures µs a request. The server has a process of its own, so that the client takes none of its time. */
export async function measure(contender, connections) {
  const program = fileURLToPath(new URL('../otel-server.js', import.meta.url));
  const server = spawn(process.execPath, [program, contender], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await firstOutput(server);
  const target = {
    port: Number(port),
    connections,
    request: 'GET / HTTP/1.1\r\nHost: bench\r\n\r\n',
    expected: '{"ok":true}',
  };
  await load({ ...target, requests: before });
  const { seconds } = await load({ ...target, requests });
  server.kill();
  return (seconds * 1e6) / requests;
}

export const targets = [
  // At least 0.9 times its throughput.
  { what: 'a request as a run with a span', n: 20, against: 'a span by hand', ratio: 1.11 },
  {
    what: 'the same, with metrics',
    n: 20,
    ours: 'rxjs-tasks, metrics',
    against: 'a span and metrics by hand',
    ratio: 1.11,
  },
  { what: 'a request as a run with a span', n: 20, against: 'a span with attributes by hand' },
  {
    what: 'the same, with metrics',
    n: 20,
    ours: 'rxjs-tasks, metrics',
    against: 'a span with attributes and metrics by hand',
  },
  { what: 'a request as a run with a span', n: 20, against: 'node:http' },
];
