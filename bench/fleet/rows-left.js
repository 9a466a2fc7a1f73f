import pg from 'pg';

/** Returns a function that counts the rows that a statement selects, on a connection of its own. */
export async function rowsLeft(url, from) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const statement = { name: 'left', text: `select count(*)::int as left from ${from}` };
  return {
    left: async () => (await client.query(statement)).rows[0].left,
    close: () => client.end(),
  };
}
