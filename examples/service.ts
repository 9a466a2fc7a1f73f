/**
 * A shop's back end: a database, two supervised workers, and an HTTP server. Each needs the ones before it.
 *
 *     npm run service
 *     curl -X POST localhost:8080/orders -d '{"item":"tea"}'
 *
 * `--inspect` shows the application live in the terminal, as a page at http://127.0.0.1:8081/, and as spans in
 * shop-spans.jsonl.
 *
 *     npm run service -- --inspect
 *
 * With METRICS_PORT, Prometheus finds metrics at that port, and a collector at OTLP_URL gets the spans.
 *
 *     METRICS_PORT=9464 npm run service
 *
 * An order of `poison` makes the workers fail: watch them restart at localhost:8080/status. SIGTERM shuts down with a
 * delay for a load balancer, Ctrl-C at once.
 */
import { parseArgs } from 'node:util';
import { ordered, runMain, snapshot, taskRunner, type RunMainOptions } from 'rxjs-tasks';
import { inspector } from 'rxjs-tasks/inspect';
import { telemetry } from 'rxjs-tasks/otel';
import { api, type Status } from './service/api.js';
import { Database } from './service/database.js';
import { exporters } from './service/exporters.js';
import { composeShop } from './service/shop.js';
import { tracing } from './service/tracing.js';

const {
  PORT = '8080',
  HOST = '127.0.0.1',
  INSPECT_PORT = '8081',
  DRAIN_MS = '2000',
  TIMEOUT_MS = '20000',
  METRICS_PORT,
  OTLP_URL = 'http://127.0.0.1:4318/v1/traces',
} = process.env;

const { values } = parseArgs({ options: { inspect: { type: 'boolean', default: false } } });

const database = new Database();
const status = (): Status => ({ ready: app.ready, live: app.live, tree: snapshot(shop) });
const http = taskRunner(api({ host: HOST, port: Number(PORT) }, database, status));
http.results$.subscribe((url) => console.log(`Listening at ${url}`));
const shop = composeShop(database, http);

const inspect = inspector({ port: Number(INSPECT_PORT) });
inspect.results$.subscribe((url) => console.log(`Look at ${url}`));

const logged: RunMainOptions = {
  observer: (event) => {
    if (event.type === 'draining') console.log(`No longer ready; going on for ${DRAIN_MS} ms`);
    else if (event.type === 'ready') console.log(`${event.task} is ready`);
    else if (event.type === 'restarting')
      console.error(`${event.error?.message}; again in ${event.delay.toFixed()} ms`);
  },
};
const instrumentation = [
  ...(values.inspect ? [tracing('shop-spans.jsonl')] : []),
  ...(METRICS_PORT === undefined ? [] : [telemetry()]),
];
const measured =
  METRICS_PORT === undefined
    ? shop
    : ordered('measured', exporters({ metricsPort: Number(METRICS_PORT), tracesUrl: OTLP_URL }), shop);

const app = runMain(values.inspect ? [inspect, measured] : [measured], {
  ...(values.inspect ? { ui: true } : logged),
  instrumentation,
  drainDelay: Number(DRAIN_MS),
  timeout: Number(TIMEOUT_MS),
});
console.log(String(await app));
