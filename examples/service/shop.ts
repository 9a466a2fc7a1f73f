import { ordered, parallel, supervise, type Runnable, type TaskRunner } from 'rxjs-tasks';
import type { Database } from './database.js';
import { worker } from './worker.js';

/** Composes the shop: its workers need the database, and its HTTP server needs both. */
export function composeShop(database: Database, http: Runnable): TaskRunner {
  const workers = ['mail', 'stock'].map((name) => supervise(worker(name, database)));
  return ordered('shop', database.task, parallel('workers', ...workers), http);
}
