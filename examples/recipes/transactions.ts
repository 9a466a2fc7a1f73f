// Transactions of other clients, as the `db` of `enqueue`: each executes a text with the values of $1, $2 and so on.
import { sql, type SQL } from 'drizzle-orm';
import type { Knex } from 'knex';
import { CompiledQuery, type Transaction } from 'kysely';
import type { QueryClient } from 'rxjs-tasks/fleet';

/** The part of a transaction of drizzle, over node-postgres, that is used here. */
export interface DrizzleTransaction {
  execute(query: SQL): Promise<{ readonly rows: readonly unknown[] }>;
}

/** drizzle numbers the values itself, so they are inserted where the text has their numbers. */
export function drizzleClient(tx: DrizzleTransaction): QueryClient {
  return {
    query: (text, values) =>
      tx.execute(
        sql.join(
          text.split(/\$(\d+)/).map((part, n) => (n % 2 === 0 ? sql.raw(part) : sql.param(values[Number(part) - 1]))),
        ),
      ),
  };
}

/** knex has one `?` for each value, in the order of the text, and `\?` for a question mark. */
export function knexClient(trx: Knex): QueryClient {
  return {
    query: async (text, values) => {
      const bindings = Array.from(text.matchAll(/\$(\d+)/g), ([, n]) => values[Number(n) - 1] as Knex.Value);
      const raw = text.replaceAll('?', String.raw`\?`).replaceAll(/\$\d+/g, '?');
      return trx.raw<{ rows: unknown[] }>(raw, bindings);
    },
  };
}

export function kyselyClient(trx: Transaction<never>): QueryClient {
  return { query: (text, values) => trx.executeQuery(CompiledQuery.raw(text, values)) };
}

/** The part of an interactive transaction of Prisma that is used here. */
export interface PrismaTransaction {
  $queryRawUnsafe<Rows>(text: string, ...values: unknown[]): Promise<Rows>;
}

/** An error of Prisma has that of the server, with its code, in its `meta`. */
interface PrismaError {
  readonly meta?: { readonly driverAdapterError?: { readonly cause?: unknown } };
}

export function prismaClient(tx: PrismaTransaction): QueryClient {
  return {
    query: (text, values) =>
      tx.$queryRawUnsafe<unknown[]>(text, ...values).then(
        (rows) => ({ rows }),
        (error: unknown) => {
          const { meta } = error as PrismaError;
          throw new Error(String(error), { cause: meta?.driverAdapterError?.cause ?? error });
        },
      ),
  };
}

/** The part of a transaction of postgres.js that is used here. */
export interface PostgresTransaction {
  unsafe(text: string, values: never[]): PromiseLike<readonly unknown[]>;
}

/**
 * postgres.js rolls back a transaction in which the server has refused a statement, even if the application handles
 * that. To go on, pass the `sql` of a `savepoint` of its own.
 */
export function postgresClient(sql: PostgresTransaction): QueryClient {
  return { query: async (text, values) => ({ rows: await sql.unsafe(text, values as never[]) }) };
}
