import { once } from 'node:events';
import { cron, ordered, runMain, task } from 'rxjs-tasks';
import { connectFleet, every, type FleetOptions } from 'rxjs-tasks/fleet';
import { log } from './log.js';
import { pictures, resize } from './pictures.js';

/** Runs one of the shop's worker processes. */
export async function runWorker(name: string, options: FleetOptions): Promise<void> {
  // Without its parent, no process would stop this one.
  const orphaned = once(process, 'disconnect');
  const fleet = await connectFleet({ ...options, name });
  const stock = task('stock', ({ slot = 0 }) => log(name, `counts the stock of ${formatTime(slot)}`));
  const counting = cron(stock, every(2000), { coordinator: fleet.coordinator });
  const app = runMain([ordered('app', fleet, pictures(fleet).worker(resize(name)), counting)]);
  counting.ready$.subscribe(() => process.send?.('ready'));
  void orphaned.then(() => app.stop(new Error('The parent is gone')));

  const { cause } = await app;
  log(name, `ends: ${(cause as Error).message}`);
  if (process.connected) process.disconnect();
}

function formatTime(slot: number): string {
  return new Date(slot).toISOString().slice(11, 19);
}
