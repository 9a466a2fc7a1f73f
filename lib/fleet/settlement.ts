import type { JobAttempt } from 'pg-boss';
import { Batch } from './batch.js';
import { settledBy } from './connection.js';
import type { JobFailure } from './errors.js';
import type { JobQueue } from './job-queue.js';
import { jobsSchema } from './schema.js';

/** How an attempt has ended. */
export type End = { readonly output: { readonly value?: unknown } } | { readonly failure: JobFailure };

/** What has become of the job. */
export type Became = 'completed' | 'retrying' | 'failed';

interface Ended {
  /** This attempt of its job alone. */
  readonly claim: JobAttempt;
  readonly end: End;
}

/** How a job stands. */
interface Row {
  readonly id: string;
  readonly attempt: number;
  readonly state: string;
}

/** How many ends are written at a time, at most. */
const most = 500;

/** Writes down how attempts have ended: each only while it is still the one that counts. */
export class Settlement {
  private readonly queue: Pick<JobQueue<never, never>, 'name' | 'ship'>;
  private readonly ends: Batch<Ended, Became | undefined>;

  constructor(queue: Pick<JobQueue<never, never>, 'name' | 'ship'>) {
    this.queue = queue;
    this.ends = new Batch((ends) => this.write(ends), most);
  }

  /** Gives nothing when it was another attempt that counts. */
  settle(claim: JobAttempt, end: End): Promise<Became | undefined> {
    return this.ends.add({ claim, end });
  }

  private async write(ends: readonly Ended[]): Promise<(Became | undefined)[]> {
    // One statement for all that have ended alike.
    const alike = new Map<string, Ended[]>();
    for (const ended of ends) {
      const key = JSON.stringify(ended.end);
      const some = alike.get(key);
      if (some) some.push(ended);
      else alike.set(key, [ended]);
    }
    const became = new Map<string, Became>();
    await Promise.all([...alike.values()].map((some) => this.settleAlike(some, became)));
    return ends.map(({ claim }) => became.get(claim.id));
  }

  private async settleAlike(ends: readonly Ended[], became: Map<string, Became>): Promise<void> {
    const { name, ship } = this.queue;
    const { boss } = ship.connection;
    const claims = ends.map(({ claim }) => claim);
    const end = ends[0]?.end ?? { output: {} };
    let tries = 0;
    const response = await ship.connection.patiently(() => {
      tries++;
      return 'failure' in end ? boss.fail(name, claims, end.failure) : boss.complete(name, claims, end.output);
    });
    const settled = new Set(settledBy(response));
    if ('output' in end) for (const id of settled) became.set(id, 'completed');
    // Of a first try whose answer was lost with the connection it is to be seen whether it counted.
    if ('output' in end && (tries === 1 || settled.size === claims.length)) return;
    const rows = new Map((await this.look(claims)).map((row) => [row.id, row]));
    for (const { id, retryCount } of claims) {
      const { state, attempt } = rows.get(id) ?? {};
      const counted = tries > 1 && attempt === retryCount;
      if ('output' in end) {
        if (counted && state === 'completed') became.set(id, state);
      } else if (settled.has(id) || (counted && (state === 'retry' || state === 'failed')))
        became.set(id, state === 'failed' ? state : 'retrying');
    }
  }

  private look(claims: readonly JobAttempt[]): Promise<readonly Row[]> {
    const { name, ship } = this.queue;
    const { connection } = ship;
    return connection.ask<Row>(
      `select id, retry_count as attempt, state::text from ${jobsSchema(connection.schema)}.job
       where name = $1 and id = any($2::uuid[])`,
      [name, claims.map(({ id }) => id)],
    );
  }
}
