import { from, merge, type Observable } from 'rxjs';
import { cron, ordered, task, type Runnable, type TaskRunner } from 'rxjs-tasks';
import type { TenantTable } from './table.js';
import type { ImportData } from './tenant.js';
import { Tenants } from './tenants.js';

/** The parts of the application. */
export interface SaasParts {
  /** Opens and closes the database. */
  readonly database: Runnable;
  readonly table: TenantTable;
  readonly importData: ImportData;
  readonly http: Runnable;
  /** The time between two polls of the table, in ms. */
  readonly pollMs: number;
}

/** The application, and a line for each import and each change of a tenant. */
export interface Saas {
  readonly runner: TaskRunner;
  readonly lines$: Observable<string>;
}

/**
 * Composes an application whose tenants follow a table. The cron `table` is stopped before the tenants, and they before
 * the database. A poll of the table that fails is a failed run: the tenants go on, and the next poll comes.
 */
export function composeSaas({ database, table, importData, http, pollMs }: SaasParts): Saas {
  const tenants = new Tenants(importData);
  const poll = task('table', async ({ signal }) => {
    const rows = await table.rows();
    // After its timeout a later poll may have read newer ones, and after a cancel the tenants end.
    signal.throwIfAborted();
    return from(tenants.apply(rows));
  });
  const follow = cron(poll, pollMs, { timeout: 10_000 });
  return {
    runner: ordered('saas', database, tenants.group, follow, http),
    lines$: merge(follow.results$, tenants.group.results$),
  };
}
