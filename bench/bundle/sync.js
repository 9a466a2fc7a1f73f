import { setTimeout as delay } from 'node:timers/promises';

/** The work of the cron, which must not be cut off by a stop. */
export async function sync() {
  await delay(100);
  console.log('synced');
}
