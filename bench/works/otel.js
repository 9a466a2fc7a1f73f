import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

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
  'a span and metrics by hand': { server: 'span', metered: true },
  'rxjs-tasks, metrics': { server: 'run', metered: true },
};

/** Measures µs a request. The server has a process of its own, so that the client takes none of its time. */
export async function measure(contender, connections) {
  const program = fileURLToPath(new URL('../otel-server.js', import.meta.url));
  const server = spawn(process.execPath, [program, contender], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(server.stdout, 'data');
  await load(Number(port), connections, before);
  const from = performance.now();
  await load(Number(port), connections, requests);
  const us = ((performance.now() - from) * 1000) / requests;
  server.kill();
  return us;
}

/** Sends requests, each connection one after the other. */
function load(port, connections, count) {
  let left = count;
  const request = 'GET / HTTP/1.1\r\nHost: bench\r\n\r\n';
  const sendAll = async () => {
    const socket = connect(port, '127.0.0.1').setNoDelay();
    await once(socket, 'connect');
    await new Promise((resolve, reject) => {
      const next = () => (left-- > 0 ? socket.write(request) : resolve());
      socket.on('error', reject);
      // The answer is so short that it arrives as a whole.
      socket.on('data', (data) => {
        if (!data.includes('{"ok":true}')) reject(new Error(`Expected an answer, got ${data}`));
        else next();
      });
      next();
    });
    socket.destroy();
  };
  return Promise.all(Array.from({ length: connections }, sendAll));
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
  { what: 'a request as a run with a span', n: 20, against: 'node:http' },
];
