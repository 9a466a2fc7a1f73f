import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { firstOutput } from '../first-output.js';
import { load } from '../load.js';

export const title = 'service: an HTTP service under load';
export const sizes = [20];
export const label = (n) => `${n} connections`;
/** `CPU` is the time of the server for a request, with its garbage collection. Other load changes it least. */
export const parts = { requests: '/s', p99: 'ms', CPU: 'µs' };
export const base = 'node:http';
export const limit = 60_000;
/** The figures of one process differ by several percent from those of the next. */
export const repetitions = 11;

/** Requests before the measurement, and in it. */
const [before, requests] = [20_000, 30_000];

const body = '{"item":"tea"}';
const request = `POST /orders HTTP/1.1\r\nHost: bench\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** Each is a server of ../service-server.js, and what observes it. */
export const contenders = {
  'node:http': { server: 'bare' },
  '`httpServer`': { server: 'task' },
  'a future a request': { server: 'futures' },
  'a run a request': { server: 'runs' },
  'a run a request, events observed': { server: 'runs', observed: 'events' },
  'a run a request, with the inspector': { server: 'runs', observed: 'inspector' },
  'a span a request, by hand': { server: 'spans' },
  'a run a request, with OpenTelemetry': { server: 'runs', observed: 'telemetry' },
};

/** The server has a process of its own, so that the client takes none of its time. */
export async function measure(contender, connections) {
  const program = fileURLToPath(new URL('../service-server.js', import.meta.url));
  const server = spawn(process.execPath, [program, contender], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const port = await firstOutput(server);
  const target = { port: Number(port), connections, request, expected: '"item":"tea"' };
  await load({ ...target, requests: before });
  const cpuBefore = await cpuOf(server);
  const { seconds, latencies } = await load({ ...target, requests });
  const cpu = (await cpuOf(server)) - cpuBefore;
  server.kill();
  return { requests: requests / seconds, p99: latencies[Math.floor(requests * 0.99)], CPU: cpu / requests };
}

/** Returns the CPU time that the server has used, in µs. */
async function cpuOf(server) {
  server.send('cpu');
  const [{ user, system }] = await once(server, 'message');
  return user + system;
}

export const targets = [
  target('a future a request', 0.96),
  target('a run a request', 0.92),
  target('a run a request, events observed'),
  target('a run a request, with the inspector', 0.88),
  target('a run a request, with OpenTelemetry', 0.9, 'a span a request, by hand'),
];

function target(ours, atLeast, against = base) {
  return { what: ours, n: 20, part: 'requests', ours, against, atLeast };
}
