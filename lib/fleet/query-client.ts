import { invalid } from '../util/validate.js';
import type { QueryClient } from './queue-types.js';

/**
 * Executes a statement with a client of the application.
 *
 * @throws TypeError if the client returns no rows, such as one that returns them without the object around them.
 */
export async function rowsOf(client: QueryClient, text: string, values: unknown[]): Promise<readonly unknown[]> {
  const result: unknown = await client.query(text, values);
  const { rows } = Object(result) as { rows?: unknown };
  if (!Array.isArray(rows)) throw new TypeError(invalid('db', 'a client whose `query` resolves to `{ rows }`', result));
  return rows as unknown[];
}
