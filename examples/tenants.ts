/**
 * Tenants from a table: each row is a tenant with a connection and a cron, and an edit of the row takes effect without
 * a restart.
 *
 *     npm run tenants
 *     curl -X PUT localhost:8080/tenants/acme -d '{"schedule":"*\/2 * * * * *"}'
 *     curl -X PUT localhost:8080/tenants/acme -d '{"region":"us"}'
 *     curl -X POST localhost:8080/tenants/acme/import
 *     curl -X DELETE localhost:8080/tenants/acme
 */
import { runMain, taskRunner, type CronRunner } from 'rxjs-tasks';
import { api } from './tenants/api.js';
import { Database } from './tenants/database.js';
import { composeSaas } from './tenants/saas.js';

const { PORT = '8080', HOST = '127.0.0.1', POLL_MS = '1000' } = process.env;

const database = new Database();
const importsOf = (id: string) => app.runner(`saas/tenants/${id}/import`) as CronRunner | undefined;
const http = taskRunner(api({ host: HOST, port: Number(PORT) }, database, importsOf));
const { runner, lines$ } = composeSaas({
  database: database.task,
  table: database,
  importData: (id) => database.addImport(id),
  http,
  pollMs: Number(POLL_MS),
});
lines$.subscribe((line) => console.log(line));
http.results$.subscribe((url) => console.log(`Listening at ${url}`));

const app = runMain([runner]);
console.log(String(await app));
