import { expect } from 'chai';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { firstValueFrom } from 'rxjs';
import { taskRunner, withCancel } from 'rxjs-tasks';
import { parse } from 'yaml';
import { freePort } from '../../examples/shared/free-port.js';
import { jsonServer } from '../../examples/shared/json-server.js';
import { compileProgram } from '../helpers/compile-program.js';
import { withoutLateLines } from '../helpers/late-lines.js';
import { LoadGenerator } from '../helpers/load.js';
import { Program } from '../helpers/program.js';
import { waitUntil } from '../helpers/wait.js';

/** The body of a request of the exporter, as far as the spec reads it. */
interface ExportedTraces {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly { readonly name: string }[] }[];
  }[];
}

const running = new Set<Program>();

/** Starts the example as a child process, and waits until it listens. */
async function startService(
  env: Record<string, string> = {},
  ...args: string[]
): Promise<{ program: Program; url: string }> {
  const program = new Program(process.execPath, [compileProgram('examples/service.ts'), ...args], {
    ...process.env,
    PORT: '0',
    DRAIN_MS: '0',
    ...env,
  });
  running.add(program);
  void program.ended.then(() => running.delete(program));
  await program.waitFor('Listening at ');
  return { program, url: /Listening at (\S+)/.exec(program.stdout)?.[1] ?? '' };
}

async function order(url: string, item: string): Promise<Response> {
  return fetch(`${url}/orders`, { method: 'POST', body: JSON.stringify({ item }) });
}

describe('The service example', () => {
  afterEach(() => {
    for (const program of running) program.child.kill('SIGKILL');
  });

  it('starts its parts in order, and stops them in reverse', async () => {
    const { program } = await startService();
    program.kill('SIGTERM');
    const { code, stdout, stderr } = await program.ended;
    expect([code, stderr]).to.deep.equal([0, '']);
    const lines = stdout.split('\n');
    const ready = lines.filter((line) => line.endsWith('is ready'));
    expect(ready.map((line) => line.replace(' is ready', ''))).to.deep.equal([
      'shop/database',
      'shop/workers/mail',
      'shop/workers/stock',
      'shop/workers',
      'shop/http',
      'shop',
    ]);
    const table = lines.slice(lines.findIndex((line) => line.startsWith('Stopped by')));
    expect(table[0]).to.match(/^Stopped by SignalError: Received SIGTERM\. Clean, in \d+ ms\.$/);
    expect(table.slice(2, 8).map((line) => line.trim().split(/ {2,}/).slice(0, 2))).to.deep.equal([
      ['shop', 'cancelled'],
      ['shop/database', 'cancelled'],
      ['shop/workers', 'cancelled'],
      ['shop/workers/mail', 'cancelled'],
      ['shop/workers/stock', 'cancelled'],
      ['shop/http', 'cancelled'],
    ]);
  });

  it('accepts orders, and rejects invalid ones with a reason', async () => {
    const { program, url } = await startService();
    const placed = await order(url, 'tea');
    expect([placed.status, await placed.json()]).to.deep.equal([201, { id: 1, item: 'tea' }]);
    const wrong = await fetch(`${url}/orders`, { method: 'POST', body: '{' });
    expect(wrong.status).to.equal(400);
    expect(await wrong.json()).to.deep.equal({ error: 'Error: Expected an order like {"item":"tea"}' });
    expect((await fetch(`${url}/nowhere`)).status).to.equal(404);
    program.kill('SIGTERM');
    expect((await program.ended).code).to.equal(0);
  });

  it('restarts its workers when an order makes them fail, and reports it in its status', async () => {
    const { program, url } = await startService();
    await order(url, 'poison');
    await waitUntil(() => program.stderr.split('again in').length > 2);
    interface Node {
      name: string;
      restarts: number;
      lastError?: { message: string };
      members?: Node[];
    }
    const find = (node: Node, name: string): Node | undefined =>
      node.name === name ? node : node.members?.map((member) => find(member, name)).find((found) => found);
    const { tree } = (await (await fetch(`${url}/status`)).json()) as { tree: Node };
    for (const name of ['mail', 'stock']) {
      expect(find(tree, name)).to.deep.include({ restarts: 1 });
      expect(find(tree, name)?.lastError?.message).to.equal(
        `shop/workers/${name} failed in execute: Order 1 is poison`,
      );
    }
    program.kill('SIGINT');
    expect((await program.ended).code).to.equal(0);
  });

  it('is live, not ready, and still serves during its drain after a SIGTERM', async () => {
    const { program, url } = await startService({ DRAIN_MS: '5000' });
    const probe = async (path: string) => (await fetch(`${url}/${path}`)).status;
    expect([await probe('livez'), await probe('readyz')]).to.deep.equal([200, 200]);
    program.kill('SIGTERM');
    await program.waitFor('No longer ready');
    expect([await probe('livez'), await probe('readyz')]).to.deep.equal([200, 503]);
    expect((await order(url, 'tea')).status).to.equal(201);
    const { code, ms } = await program.ended;
    expect(code).to.equal(0);
    expect(ms).to.be.at.least(5000);
  });

  it('with one flag serves a page, prints lines without a terminal, and writes spans', async () => {
    const { program, url } = await startService({ INSPECT_PORT: '0' }, '--inspect');
    const inspector = /Look at (\S+)/.exec(program.stdout)?.[1] ?? '';
    expect(await (await fetch(inspector)).text()).to.match(/^<!doctype html>/);
    const { tasks } = (await (await fetch(`${inspector}snapshot`)).json()) as { tasks: { task: string }[] };
    expect(tasks.map(({ task: path }) => path)).to.deep.equal(['inspector', 'shop']);
    await order(url, 'poison');
    await waitUntil(() => program.stderr.includes('restarting'));
    program.kill('SIGTERM');
    const { code, stderr } = await program.ended;
    expect(code).to.equal(0);
    expect(stderr)
      .to.match(/ready +shop\/database\n/)
      .and.match(/shutdown +clean/);
    const spans = readFileSync('shop-spans.jsonl', 'utf8').trim().split('\n');
    const names = spans.map((line) => (JSON.parse(line) as { name: string }).name);
    expect(names).to.include.members(['shop', 'shop/database', 'shop/workers', 'shop/workers/mail', 'shop/http']);
    rmSync('shop-spans.jsonl');
  });

  it('serves metrics to Prometheus, and sends its last spans by OTLP when it ends', async () => {
    const bodies: string[] = [];
    const collector = createServer((request, response) => {
      void text(request).then((body) => {
        bodies.push(body);
        response.end('{}');
      });
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const { port } = collector.address() as AddressInfo;
    const METRICS_PORT = String(await freePort());
    const OTLP_URL = `http://127.0.0.1:${port}/v1/traces`;
    const { program, url } = await startService({ METRICS_PORT, OTLP_URL });
    await order(url, 'tea');
    const metrics = await (await fetch(`http://127.0.0.1:${METRICS_PORT}/metrics`)).text();
    expect(metrics).to.include('rxjs_tasks_runs_total{rxjs_tasks_task="measured/shop/http"');
    program.kill('SIGTERM');
    const { code, stderr } = await program.ended;
    expect([code, stderr]).to.deep.equal([0, '']);
    collector.close();
    const sent = JSON.parse(bodies.at(-1) ?? '') as ExportedTraces;
    const names = sent.resourceSpans[0]?.scopeSpans[0]?.spans.map(({ name }) => name);
    expect(names).to.include.members(['measured/shop/database', 'measured/shop/http', 'measured/shop']);
  });

  it('does not drain after a Ctrl-C', async () => {
    const { program } = await startService({ DRAIN_MS: '60000' });
    program.kill('SIGINT');
    const { code, stdout } = await program.ended;
    expect(code).to.equal(0);
    expect(stdout).to.include('Received SIGINT. Clean').and.not.include('No longer ready');
  });

  it('loses none of 250 requests per second while its instances are replaced several times', async () => {
    const replacements = Number(process.env['REPLACEMENTS'] ?? 3);
    const load = new LoadGenerator(250, '/orders', '{"item":"tea"}', 201);
    let current = await startService({ DRAIN_MS: '5000' });
    load.add(current.url);
    await waitUntil(() => load.isReady(current.url));
    for (let i = 0; i < replacements; i++) {
      const next = await startService({ DRAIN_MS: '5000' });
      load.add(next.url);
      await waitUntil(() => load.isReady(next.url));
      const { program, url } = current;
      program.kill('SIGTERM');
      const { code, stderr } = await program.ended;
      expect([code, withoutLateLines(stderr)]).to.deep.equal([0, '']);
      load.remove(url);
      current = next;
    }
    await load.stop();
    current.program.kill('SIGTERM');
    expect((await current.program.ended).code).to.equal(0);
    expect(load.failures).to.deep.equal([]);
    // In each drain of 5 s, 1,250 requests are due. A slow machine takes longer, at a lower rate.
    expect(load.sent).to.be.at.least(600 * replacements);
    expect(load.answered.size).to.equal(replacements + 1);
    expect([...load.answered.values()].reduce((sum, count) => sum + count)).to.equal(load.sent);
    // The starts of the processes take a time that depends on the machine.
  }).timeout(600_000);
});

describe('The HTTP server of the examples', () => {
  it('serves again after a restart', async () => {
    const runner = taskRunner(jsonServer('http', { host: '127.0.0.1', port: 0 }, ({ reply }) => reply(200, 'hello')));
    for (let i = 0; i < 2; i++) {
      const [ctx, cancel] = withCancel();
      const url = firstValueFrom(runner.results$);
      runner.start(ctx).subscribe();
      expect(await (await fetch(await url)).json()).to.equal('hello');
      const done = firstValueFrom(runner.done$);
      cancel();
      expect((await done).status).to.equal('cancelled');
    }
  });
});

describe('The configurations for Kubernetes and systemd', () => {
  /** The default of `runMain`. */
  const lingerMs = 5000;
  const guide = readFileSync('docs/kubernetes.md', 'utf8');
  const blocks = (language: string) =>
    [...guide.matchAll(new RegExp(`\n\`\`\`${language}\n(.*?)\n\`\`\``, 'gs'))].map(([, block]) => `${block}\n`);

  it('are the files of the example', () => {
    expect(blocks('yaml')).to.deep.equal([readFileSync('examples/service/kubernetes.yaml', 'utf8')]);
    expect(blocks('ini')[0]).to.equal(readFileSync('examples/service/shop.service', 'utf8'));
  });

  it('give Kubernetes enough time for the whole stop, and probes that the service answers', async () => {
    interface Probe {
      httpGet: { path: string; port: number };
    }
    const deployment = parse(blocks('yaml')[0] ?? '') as {
      spec: {
        selector: { matchLabels: object };
        template: {
          metadata: { labels: object };
          spec: {
            terminationGracePeriodSeconds: number;
            containers: {
              command: string[];
              ports: { containerPort: number }[];
              env: { name: string; value: string }[];
              livenessProbe: Probe;
              readinessProbe: Probe & { periodSeconds: number; failureThreshold: number };
            }[];
          };
        };
      };
    };
    const { selector, template } = deployment.spec;
    expect(template.metadata.labels).to.deep.equal(selector.matchLabels);
    const [container] = template.spec.containers;
    if (!container) throw new Error('Expected a container');
    const env = Object.fromEntries(container.env.map(({ name, value }) => [name, value])) as Record<string, string>;
    const { livenessProbe, readinessProbe } = container;
    const ms = Number(env['DRAIN_MS']) + Number(env['TIMEOUT_MS']) + lingerMs;
    expect(template.spec.terminationGracePeriodSeconds * 1000).to.be.above(ms);
    expect(readinessProbe.periodSeconds * readinessProbe.failureThreshold * 1000).to.be.below(Number(env['DRAIN_MS']));
    expect(container.command[0]).to.equal('node');
    for (const { port } of [livenessProbe.httpGet, readinessProbe.httpGet])
      expect([port, port]).to.deep.equal([container.ports[0]?.containerPort, Number(env['PORT'])]);

    const { program, url } = await startService({ ...env, PORT: '0', DRAIN_MS: '0' });
    for (const probe of [livenessProbe, readinessProbe])
      expect((await fetch(`${url}${probe.httpGet.path}`)).status, probe.httpGet.path).to.equal(200);
    program.kill('SIGTERM');
    expect((await program.ended).code).to.equal(0);
  });

  it('give systemd enough time for the whole stop, and a signal after which the service exits cleanly', async () => {
    const unit = new Map<string, string>();
    for (const line of (blocks('ini')[0] ?? '').split('\n')) {
      expect(line).to.match(/^$|^#|^\[\w+\]$|^[A-Z]\w+=.+$/);
      const [, key, value] = /^(\w+)=(.+)$/.exec(line) ?? [];
      if (key && value) unit.set(key, value);
    }
    const env = Object.fromEntries((unit.get('Environment') ?? '').split(' ').map((pair) => pair.split('='))) as Record<
      string,
      string
    >;
    expect(Number(unit.get('TimeoutStopSec')) * 1000).to.be.above(
      Number(env['DRAIN_MS']) + Number(env['TIMEOUT_MS']) + lingerMs,
    );
    expect(unit.get('ExecStart')).to.match(/^\/usr\/bin\/node \//);

    const { program } = await startService({ ...env, PORT: '0' });
    program.kill(unit.get('KillSignal') as NodeJS.Signals);
    // `Restart=on-failure` does not restart after this exit code.
    expect((await program.ended).code).to.equal(0);
    expect(unit.get('Restart')).to.equal('on-failure');
  });
});
