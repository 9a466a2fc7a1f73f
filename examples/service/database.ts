import { setTimeout as delay } from 'node:timers/promises';
import { NEVER } from 'rxjs';
import { task, type Task } from 'rxjs-tasks';

export interface Order {
  readonly id: number;
  readonly item: string;
}

/** A stand-in for a database: connecting and queries take time, and a query fails while it is not connected. */
export class Database {
  readonly task: Task<never>;
  private readonly orders: Order[] = [];
  private readonly done = new Map<string, number>();
  private connected = false;

  constructor() {
    this.task = task('database', {
      initialize: async () => {
        await delay(20);
        this.connected = true;
      },
      execute: () => NEVER,
      finalize: async () => {
        this.connected = false;
        await delay(20);
      },
    });
  }

  insert(item: string): Promise<Order> {
    return this.query(() => {
      const order = { id: this.orders.length + 1, item };
      this.orders.push(order);
      return order;
    });
  }

  /** Returns the first order that a worker has not done. */
  next(worker: string): Promise<Order | undefined> {
    return this.query(() => this.orders[this.done.get(worker) ?? 0]);
  }

  finish(worker: string, { id }: Order): Promise<unknown> {
    return this.query(() => this.done.set(worker, id));
  }

  private async query<T>(run: () => T): Promise<T> {
    if (!this.connected) throw new Error('The database is not connected');
    await delay(1);
    return run();
  }
}
