/**
 * A shop: three processes resize its pictures and count its stock. One of them is killed, one is asked to stop, and the
 * last one stops with the fleet.
 *
 *     npm run fleet
 *
 * The example starts a PostgreSQL in a temporary directory, and deletes it at the end. With FLEET_URL it uses that
 * server instead, and its tables stay in the schema FLEET_SCHEMA. Default: `rxjs_tasks_shop`. Ctrl-C stops all
 * processes.
 */
import { fileURLToPath } from 'node:url';
import { critical, ordered, parallel, runMain } from 'rxjs-tasks';
import { Database } from './fleet/database.js';
import { story } from './fleet/story.js';
import { WorkerProcess } from './fleet/worker-process.js';
import { runWorker } from './fleet/worker.js';

const { FLEET_URL: url, FLEET_SCHEMA: schema = 'rxjs_tasks_shop' } = process.env;

async function runShop(): Promise<void> {
  const database = new Database(url, schema);
  const worker = (name: string) => new WorkerProcess(fileURLToPath(import.meta.url), name, () => database.env);
  const [ann, ben, cat] = [worker('ann'), worker('ben'), worker('cat')];
  const workers = parallel('workers', ann.task, ben.task, cat.task);
  const report = await runMain([ordered('shop', database.task, workers, critical(story(database, ann, ben, cat)))]);
  // A terminal has printed ^C at the start of this line.
  console.log(`${process.stdout.isTTY ? '\r\x1b[K' : ''}\n${String(report)}`);
}

// Each worker is this program, too, with its name as the argument.
const [name] = process.argv.slice(2);
if (name === undefined) await runShop();
else await runWorker(name, { schema, ...(url !== undefined && { url }) });
