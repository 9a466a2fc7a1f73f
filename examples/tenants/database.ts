import { PGlite } from '@electric-sql/pglite';
import { NEVER } from 'rxjs';
import { task, type Task } from 'rxjs-tasks';
import type { TenantRow, TenantTable } from './table.js';

const schema = `
  create table tenants (
    id text primary key check (id <> '' and strpos(id, '/') = 0),
    region text not null default 'eu',
    schedule text not null default '*/10 * * * * *',
    timezone text not null default 'UTC',
    paused boolean not null default false
  );
  create table imports (tenant text not null, at timestamptz not null default now());
  insert into tenants (id, region) values ('acme', 'eu'), ('bolt', 'us');
`;

/** A PostgreSQL in this process, so that the example needs no server. Its data is gone when it ends. */
export class Database implements TenantTable {
  readonly task: Task<never>;
  private db: PGlite | undefined = undefined;

  constructor() {
    this.task = task('database', {
      initialize: async () => {
        this.db = await PGlite.create();
        await this.db.exec(schema);
      },
      execute: () => NEVER,
      finalize: () => this.db?.close(),
    });
  }

  rows(): Promise<readonly TenantRow[]> {
    return this.query<TenantRow>('select * from tenants order by id');
  }

  /** Adds a tenant, or changes those columns of it that are given. */
  put(id: string, { region, schedule, timezone, paused }: Partial<TenantRow>): Promise<TenantRow | undefined> {
    // If a value is refused, no tenant is added.
    return this.connected.transaction(async (transaction) => {
      await transaction.query('insert into tenants (id) values ($1) on conflict do nothing', [id]);
      const { rows } = await transaction.query<TenantRow>(
        `update tenants set region = coalesce($2, region), schedule = coalesce($3, schedule),
           timezone = coalesce($4, timezone), paused = coalesce($5, paused) where id = $1 returning *`,
        [id, region, schedule, timezone, paused],
      );
      return rows[0];
    });
  }

  async delete(id: string): Promise<boolean> {
    return (await this.query('delete from tenants where id = $1 returning id', [id])).length > 0;
  }

  /** Stands for the import of a tenant's data. Returns the number of its imports so far. */
  async addImport(tenant: string): Promise<number> {
    await this.query('insert into imports (tenant) values ($1)', [tenant]);
    const [row] = await this.query<{ count: number }>('select count(*)::int from imports where tenant = $1', [tenant]);
    return row?.count ?? 0;
  }

  private get connected(): PGlite {
    if (!this.db) throw new Error('The database is not connected');
    return this.db;
  }

  private async query<Row>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.connected.query<Row>(sql, [...values])).rows;
  }
}
