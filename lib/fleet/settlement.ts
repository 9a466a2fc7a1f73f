import type { JobAttempt } from 'pg-boss';
import { Batch } from './batch.js';
import { settledBy } from './connection.js';
import type { JobFailure } from './errors.js';
import type { JobQueue } from './job-queue.js';
import { jobsSchema } from './schema.js';

/** How an attempt has ended. */
export type End = { readonly output: { readonly value?: unknown } } | { readonly failure: JobFailure };

interface Ended {
  /** This attempt of its job alone. */
  readonly claim: JobAttempt;
  readonly end: End;
}

/** How many ends are written at a time, at most. */
const most = 500;

/** Writes down how attempts have ended: each only while it is still the one that counts. */
export class Settlement {
  private readonly queue: Pick<JobQueue<never, never>, 'name' | 'ship'>;
  private readonly ends: Batch<Ended, boolean>;

  constructor(queue: Pick<JobQueue<never, never>, 'name' | 'ship'>) {
    this.queue = queue;
    this.ends = new Batch((ends) => this.write(ends), most);
  }

  /** Gives whether it counts. */
  settle(claim: JobAttempt, end: End): Promise<boolean> {
    return this.ends.add({ claim, end });
  }

  private async write(ends: readonly Ended[]): Promise<boolean[]> {
    // One statement for all that have ended alike.
    const alike = new Map<string, Ended[]>();
    for (const ended of ends) {
      const key = JSON.stringify(ended.end);
      const some = alike.get(key);
      if (some) some.push(ended);
      else alike.set(key, [ended]);
    }
    const counted = new Set((await Promise.all([...alike.values()].map((some) => this.settleAlike(some)))).flat());
    return ends.map(({ claim }) => counted.has(claim.id));
  }

  private async settleAlike(ends: readonly Ended[]): Promise<readonly string[]> {
    const { name, ship } = this.queue;
    const { connection } = ship;
    const { boss } = connection;
    const claims = ends.map(({ claim }) => claim);
    const end = ends[0]?.end ?? { output: {} };
    let tries = 0;
    const response = await connection.patiently(() => {
      tries++;
      return 'failure' in end ? boss.fail(name, claims, end.failure) : boss.complete(name, claims, end.output);
    });
    const settled = settledBy(response);
    if (tries === 1 || settled.length === ends.length) return settled;
    // One whose answer was lost with the connection may have counted.
    return [...settled, ...(await this.settledBefore(claims, 'failure' in end ? ['retry', 'failed'] : ['completed']))];
  }

  private async settledBefore(claims: readonly JobAttempt[], states: readonly string[]): Promise<string[]> {
    const { connection } = this.queue.ship;
    const rows = await connection.patiently(() =>
      connection.query<{ id: string; attempt: number }>(
        `select id, retry_count as attempt from ${jobsSchema(connection.schema)}.job
         where id = any($1::uuid[]) and state::text = any($2)`,
        [claims.map(({ id }) => id), states],
      ),
    );
    const now = new Map(rows.map(({ id, attempt }) => [id, attempt]));
    return claims.filter(({ id, retryCount }) => now.get(id) === retryCount).map(({ id }) => id);
  }
}
