import { expect } from 'chai';
import { rmSync } from 'node:fs';
import { closeAll, RawClient } from '../http/helpers.js';
import { compileProgram } from '../helpers/compile-program.js';
import { Program } from '../helpers/program.js';

/** Longer than mocha's timeout: an example that waits for its deadline fails its spec. */
const timeoutMs = '600000';

/** An example as a child process, and the ports at which it listens. */
async function start(file: string, args: readonly string[], ...announcements: RegExp[]) {
  const program = new Program(process.execPath, [compileProgram(`examples/${file}`), ...args], {
    ...process.env,
    PORT: '0',
    INSPECT_PORT: '0',
    DRAIN_MS: '0',
    TIMEOUT_MS: timeoutMs,
  });
  running.add(program);
  void program.ended.then(() => running.delete(program));
  const ports: number[] = [];
  for (const announcement of announcements) {
    await program.waitFor(announcement.source);
    const [, url = ''] = new RegExp(`${announcement.source} (\\S+)`).exec(program.stdout) ?? [];
    ports.push(Number(new URL(url).port));
  }
  return { program, ports };
}

const running = new Set<Program>();

/** Opens connections that have no request, half of one, or an answered one. */
async function openClients(port: number, path: string): Promise<RawClient[]> {
  const kept = new RawClient(port).request(`GET ${path} HTTP/1.1`);
  const clients = [new RawClient(port), new RawClient(port).send(`GET ${path} HT`), kept];
  await kept.waitFor('\r\n\r\n');
  return clients;
}

/** Ends an example by a SIGTERM, and verifies that it closed all connections and exited with 0. */
async function stop(program: Program, clients: readonly RawClient[]): Promise<void> {
  program.kill('SIGTERM');
  const { code, stderr } = await program.ended;
  expect(code, `${program.stdout}${stderr}`).to.equal(0);
  await Promise.all(clients.map(({ closed }) => closed));
}

describe('An example that serves HTTP exits with 0 after a SIGTERM', () => {
  afterEach(() => {
    closeAll();
    for (const program of running) program.child.kill('SIGKILL');
  });

  it('with idle, never used and half-sent connections, and half of a body: the service', async () => {
    const { program, ports } = await start('service.ts', [], /Listening at/);
    const [port = 0] = ports;
    const half = new RawClient(port).request('POST /orders HTTP/1.1', 'Content-Length: 100').send('{"item":');
    const clients = await openClients(port, '/livez');
    await stop(program, [half, ...clients]);
  });

  it('with such connections and an event stream of the inspector: the service', async () => {
    const { program, ports } = await start('service.ts', ['--inspect'], /Look at/, /Listening at/);
    const [inspectorPort = 0, port = 0] = ports;
    const events = new RawClient(inspectorPort).request('GET /events HTTP/1.1');
    await events.waitFor('data: ');
    const clients = [...(await openClients(inspectorPort, '/livez')), ...(await openClients(port, '/livez'))];
    await stop(program, [events, ...clients]);
    rmSync('shop-spans.jsonl');
  });

  it('with such connections, and a request that waits for the next round: the uptime monitor', async () => {
    const { program, ports } = await start('uptime.ts', ['--every', '2m'], /Status at/);
    const [port = 0] = ports;
    const clients = await openClients(port, '/status');
    const poll = new RawClient(port).request('GET /status?wait=next HTTP/1.1');
    await stop(program, [poll, ...clients]);
    expect(poll.received)
      .to.match(/^HTTP\/1.1 200 OK\r$/m)
      .and.to.match(/^Connection: close\r$/m);
  });
});
