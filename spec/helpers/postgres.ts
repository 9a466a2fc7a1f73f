import { Client } from 'pg';

export { startPostgres, type Postgres } from '../../examples/shared/postgres.js';

/** Runs one statement on a server, beside all that specs have open. */
export async function statement<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}
