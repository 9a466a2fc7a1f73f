import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { lastValueFrom, NEVER } from 'rxjs';
import { cron, launch, supervise, task } from 'rxjs-tasks';
import { fleetMetrics, telemetry } from 'rxjs-tasks/otel';
import { freePort } from '../../examples/shared/free-port.js';
import { Fleets } from '../helpers/fleet.js';
import { waitUntil } from '../helpers/wait.js';

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
  readonly templating: { readonly list: readonly { readonly query: string }[] };
}

const dashboard = JSON.parse(readFileSync('docs/grafana-dashboard.json', 'utf8')) as Dashboard;
const queries = [
  ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...dashboard.templating.list.map(({ query }) => query).filter((query) => query.startsWith('label_values')),
];

/** Returns the names of the metrics in a query: they are arguments, and labels follow `by`. */
function metricsOf(query: string): string[] {
  return Array.from(query.matchAll(/(?<!by )\((rxjs_tasks_\w+)/g), ([, name = '']) => name);
}

/** Returns the labels that a query selects, groups by, or lists. `le` is that of a histogram's buckets. */
function labelsOf(query: string): string[] {
  const lists = query.matchAll(/by \(([^)]*)\)|\{(\w+)=~|, (\w+)\)$/g);
  return Array.from(lists).flatMap(([, grouped, selected, listed]) =>
    (grouped ?? selected ?? listed ?? '').split(', '),
  );
}

describe("The Grafana dashboard's queries", () => {
  const fleets = new Fleets();
  let served: string;

  before(async () => {
    const port = await freePort();
    const prometheus = new PrometheusExporter({ port, host: '127.0.0.1', preventServerStart: true });
    const meters = new MeterProvider({ readers: [prometheus] });
    await prometheus.startServer();
    metrics.setGlobalMeterProvider(meters);
    const fleet = await fleets.connect();
    const measuring = fleetMetrics(fleet);
    const queue = fleet.queue<number, number>('mail');

    let attempts = 0;
    const broken = task('broken', () => {
      if (++attempts === 1) throw new RangeError('no disk');
      return NEVER;
    });
    const slow = cron(
      task('slow', () => NEVER),
      10,
      { lastRun: Date.now() - 1000, missed: 'runOnce' },
    );
    const restarting = supervise(broken, { backoff: { initial: 1 } });
    const app = launch([queue.worker((input) => 2 * input), restarting, slow], {
      instrumentation: [telemetry()],
      observer: () => undefined,
    });
    expect(await lastValueFrom(queue.submit(21))).to.equal(42);
    await waitUntil(() => attempts === 2 && slow.history.skipped > 0);
    await app.stop();
    served = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    measuring.unsubscribe();
    await meters.shutdown();
    metrics.disable();
  });
  after(() => fleets.close());

  it('have no metric that the Prometheus exporter of an application does not serve', () => {
    const names = new Set(Array.from(served.matchAll(/^(\w+)\{/gm), ([, name]) => name));
    const queried = queries.map(metricsOf);
    for (const [index, found] of queried.entries()) expect(found, queries[index]).to.have.length(1);
    for (const [name] of queried) expect(names).to.include(name);
  });

  it('have all metrics of the library', () => {
    const families = Array.from(served.matchAll(/^# TYPE (rxjs_tasks_\w+) /gm), ([, name = '']) => name);
    const queried = queries.flatMap(metricsOf).map((name) => name.replace(/_(?:bucket|sum|count)$/, ''));
    expect(new Set(queried)).to.deep.equal(new Set(families));
  });

  it('have no label that its metric does not have', () => {
    for (const query of queries) {
      const [name = ''] = metricsOf(query);
      const line = new RegExp(`^${name}\\{(.*)\\} `, 'm').exec(served)?.[1] ?? '';
      const labels = Array.from(line.matchAll(/(\w+)="/g), ([, label]) => label);
      expect(labels, query).to.include.members(labelsOf(query));
    }
  });
});
