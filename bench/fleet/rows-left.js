import pg from 'pg';

/** Returns a function that counts the rows that a statement selects, up to a limit, on a connection of its own. */
export async function rowsLeft(url, from) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const text = `select count(*)::int as left from (select from ${from} limit $1) few`;
  return {
    left: async (limit) => (await client.query({ name: 'left', text, values: [limit] })).rows[0].left,
    close: () => client.end(),
  };
}
