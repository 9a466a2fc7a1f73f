import { isDeepStrictEqual } from 'node:util';
import { dynamic, type DynamicGroup } from 'rxjs-tasks';
import type { TenantRow } from './table.js';
import { by, Tenant, type ImportData } from './tenant.js';

/** The tenants that run: one for each row of the table. */
export class Tenants {
  /** Runs them, each under its id. */
  readonly group: DynamicGroup<string, string> = dynamic<string, string>('tenants');
  private readonly importData: ImportData;
  private readonly byId = new Map<string, Tenant>();
  /** The rows that were applied or refused last, so that a wrong row is reported once. */
  private rows: ReadonlyMap<string, TenantRow> = new Map();

  constructor(importData: ImportData) {
    this.importData = importData;
  }

  /** Adds, replaces, updates and removes tenants until they match the rows. Returns a line for each change. */
  apply(rows: readonly TenantRow[]): string[] {
    const before = this.rows;
    this.rows = new Map(rows.map((row) => [row.id, row]));
    const removed = [...before.keys()].filter((id) => !this.rows.has(id));
    const changed = rows.filter((row) => !isDeepStrictEqual(row, before.get(row.id)));
    return [...removed.flatMap((id) => this.remove(id)), ...changed.flatMap((row) => this.applyRow(row))];
  }

  private applyRow(row: TenantRow): string[] {
    try {
      const tenant = this.byId.get(row.id);
      const changes = tenant?.isReplacedBy(row) === false ? tenant.update(row) : [this.start(row)];
      return changes.map((change) => `${row.id} ${change}`);
    } catch (error) {
      // One wrong row does not affect the other tenants; its own tenant goes on by the last good row.
      return [`${row.id} is refused: ${(error as Error).message}`];
    }
  }

  private start(row: TenantRow): string {
    const { group, byId } = this;
    const tenant = new Tenant(row, this.importData);
    // The key is taken until the last tenant of that id has ended. This does not wait for it.
    if (group.get(row.id)) void group.replace(row.id, tenant.runner, { by });
    else group.add(row.id, tenant.runner, { by });
    const change = byId.has(row.id) ? `is replaced, now in ${row.region}` : 'is added';
    byId.set(row.id, tenant);
    return change;
  }

  private remove(id: string): string[] {
    if (!this.byId.delete(id)) return [];
    void this.group.remove(id, { by });
    return [`${id} is removed`];
  }
}
