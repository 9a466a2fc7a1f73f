// A cluster of two workers. The primary ends them as the last task of its own.
import cluster from 'node:cluster';
import { once } from 'node:events';
import { NEVER } from 'rxjs';
import { runMain, task } from 'rxjs-tasks';

if (cluster.isWorker) await import('./app.js');
else
  await runMain([
    task('workers', {
      initialize: () => Promise.all([1, 2].map(() => once(cluster.fork(), 'online'))),
      execute: () => NEVER,
      finalize: () => new Promise((resolve) => cluster.disconnect(resolve)),
    }),
  ]);
