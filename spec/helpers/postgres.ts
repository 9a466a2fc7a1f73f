import { Client } from 'pg';

export { startPostgres, type Postgres } from '../../examples/shared/postgres.js';

/** Executes one statement on a server, on a connection of its own. */
export async function statement<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}
