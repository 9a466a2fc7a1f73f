import type pg from 'pg';

/** Loads node-postgres, which only a fleet on a server needs. */
export async function loadDriver(): Promise<typeof pg> {
  try {
    // A CommonJS module: its default export has all names in every loader and bundle.
    return (await import('pg')).default;
  } catch (error) {
    throw new Error('A fleet on a PostgreSQL server needs the package `pg`: npm install pg', { cause: error });
  }
}
