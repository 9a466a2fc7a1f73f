import { once } from 'node:events';
import { cron, ordered, runMain, task } from 'rxjs-tasks';
import { connectFleet, every, type FleetOptions } from 'rxjs-tasks/fleet';
import { pictures, resize } from './pictures.js';
import { say } from './say.js';

/** A process that does the shop's work, with as many others as there are. */
export async function runWorker(name: string, options: FleetOptions): Promise<void> {
  // Nobody is left then who would end it.
  const orphaned = once(process, 'disconnect');
  const fleet = await connectFleet({ ...options, name });
  const stock = task('stock', ({ slot = 0 }) => say(name, `counts the stock of ${timeOf(slot)}`));
  const counting = cron(stock, every(2000), { coordinator: fleet.coordinator });
  const app = runMain([ordered('app', fleet, pictures(fleet).worker(resize(name)), counting)]);
  counting.ready$.subscribe(() => process.send?.('ready'));
  void orphaned.then(() => app.stop(new Error('The parent is gone')));

  const { cause } = await app;
  say(name, `ends: ${(cause as Error).message}`);
  if (process.connected) process.disconnect();
}

function timeOf(slot: number): string {
  return new Date(slot).toISOString().slice(11, 19);
}
