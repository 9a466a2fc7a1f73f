import { setTimeout as delay } from 'node:timers/promises';
import { task, type SimpleTask } from 'rxjs-tasks';
import type { Database, Order } from './database.js';

/** Processes each order, and yields it. When cancelled, it finishes the current order. */
export function worker(name: string, database: Database): SimpleTask<Order> {
  return task(name, async function* (ctx) {
    while (!ctx.cancelled) {
      const order = await database.next(name);
      if (!order) {
        await delay(20, undefined, { signal: ctx.signal });
        continue;
      }
      await database.finish(name, order);
      if (order.item === 'poison') throw new Error(`Order ${order.id} is poison`);
      yield order;
    }
  });
}
