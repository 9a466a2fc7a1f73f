import { expect } from 'chai';
import { inspect } from 'node:util';
import { drizzle } from 'drizzle-orm/node-postgres';
import knex from 'knex';
import { Kysely, PostgresDialect, type Transaction } from 'kysely';
import { Pool } from 'pg';
import postgres, { type TransactionSql } from 'postgres';
import { lastValueFrom } from 'rxjs';
import { launch } from 'rxjs-tasks';
import { QueueFullError, type Fleet, type QueryClient } from 'rxjs-tasks/fleet';
import {
  drizzleClient,
  knexClient,
  kyselyClient,
  postgresClient,
  prismaClient,
  type PrismaTransaction,
} from '../../examples/recipes/transactions.js';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { rejectionOf } from '../helpers/rejection.js';

/** A client of PostgreSQL, as an application uses it. */
interface Client {
  /** Calls a function within a transaction, which is rolled back if the function fails. */
  readonly transaction: <T>(within: (db: QueryClient) => Promise<T>) => Promise<T>;
  /** Returns the error of a statement that the server refuses within a transaction. */
  readonly refused: (db: QueryClient, refuse: (db: QueryClient) => Promise<unknown>) => Promise<Error>;
  /** The client, for statements that belong to no transaction. */
  readonly outside: QueryClient;
  readonly end: () => Promise<unknown>;
}

const refused: Client['refused'] = (db, refuse) => rejectionOf(refuse(db));

const pgClient = (url: string): Client => {
  const pool = new Pool({ connectionString: url });
  return {
    async transaction(within) {
      const client = await pool.connect();
      try {
        await client.query('begin');
        const result = await within(client);
        await client.query('commit');
        return result;
      } catch (error) {
        await client.query('rollback');
        throw error;
      } finally {
        client.release();
      }
    },
    refused,
    outside: pool,
    end: () => pool.end(),
  };
};

const clients: Readonly<Record<string, (url: string) => Client>> = {
  pg: pgClient,
  drizzle(url) {
    const pool = new Pool({ connectionString: url });
    const db = drizzle(pool);
    return {
      transaction: (within) => db.transaction((tx) => within(drizzleClient(tx))),
      refused,
      outside: drizzleClient(db),
      end: () => pool.end(),
    };
  },
  knex(url) {
    const db = knex({ client: 'pg', connection: url });
    return {
      transaction: (within) => db.transaction((trx) => within(knexClient(trx))),
      refused,
      outside: knexClient(db),
      end: () => db.destroy(),
    };
  },
  kysely(url) {
    const db = new Kysely<never>({ dialect: new PostgresDialect({ pool: new Pool({ connectionString: url }) }) });
    return {
      transaction: (within) => db.transaction().execute((trx) => within(kyselyClient(trx))),
      refused,
      outside: kyselyClient(db as Transaction<never>),
      end: () => db.destroy(),
    };
  },
  'postgres.js'(url) {
    const sql = postgres(url);
    const transactions = new Map<QueryClient, TransactionSql>();
    return {
      transaction: async (within) => {
        const [result] = await sql.begin(async (tx) => {
          const db = postgresClient(tx);
          transactions.set(db, tx);
          return [await within(db)];
        });
        return result as never;
      },
      refused: (db, refuse) =>
        rejectionOf(Promise.resolve(transactions.get(db)?.savepoint((tx) => refuse(postgresClient(tx))))),
      outside: postgresClient(sql),
      end: () => sql.end(),
    };
  },
  'Prisma, as a client of its shape': (url) => {
    const pool = new Pool({ connectionString: url });
    const shaped = (db: QueryClient): PrismaTransaction => ({
      async $queryRawUnsafe<Rows>(text: string, ...values: unknown[]) {
        try {
          return (await db.query(text, values)).rows as Rows;
        } catch (cause) {
          throw Object.assign(new Error('Raw query failed'), {
            code: 'P2010',
            meta: { driverAdapterError: { cause } },
          });
        }
      },
    });
    const client = pgClient(url);
    return {
      transaction: (within) => client.transaction((db) => within(prismaClient(shaped(db)))),
      refused,
      outside: prismaClient(shaped(pool)),
      end: async () => [await pool.end(), await client.end()],
    };
  },
};

for (const [name, create] of Object.entries(clients))
  describe(`Jobs in a transaction of ${name}`, () => {
    const fleets = new Fleets();
    const { schema } = fleets;
    let fleet: Fleet;
    let client: Client;
    const orders = async () =>
      (await statement<{ id: number }>(await sharedUrl(), `select id from ${schema}.orders order by id`)).map(
        ({ id }) => id,
      );
    const insert = (db: QueryClient, id: number) => db.query(`insert into ${schema}.orders values ($1)`, [id]);

    before(async () => {
      fleet = await fleets.connect();
      client = create(await sharedUrl());
      await statement(await sharedUrl(), `create table ${schema}.orders (id int)`);
    });
    after(async () => {
      await client.end();
      await fleets.close();
    });

    it('run when it is committed', async () => {
      const queue = fleet.queue<object, object>('committed');
      const app = launch([queue.worker((input) => input)]);
      const input = { text: "?'$1", list: [1, 'two', null], at: { deep: true } };
      const [first, second] = await client.transaction(async (db) => {
        await insert(db, 1);
        const options = { db, key: 'k', keyWindow: 60_000, group: 'g', priority: 5, delay: new Date(), retries: 1 };
        return [await queue.enqueue(input, options), await queue.enqueue(input, options)] as const;
      });
      expect(first).to.equal(second);
      expect(await lastValueFrom(queue.result(first))).to.deep.equal(input);
      expect(await orders()).to.include(1);
      await app.stop();
    });

    it('have never existed when it is rolled back', async () => {
      const queue = fleet.queue<number>('rolled-back');
      let ids: string[] = [];
      const error = await rejectionOf(
        client.transaction(async (db) => {
          await insert(db, 2);
          ids = await queue.enqueueMany([1, 2, 3], { db });
          throw new Error('No such customer');
        }),
      );
      expect(error.message).to.equal('No such customer');
      expect(ids).to.have.length(3);
      expect([await queue.jobs(), (await orders()).includes(2)]).to.deep.equal([[], false]);
    });

    it('do not abort it when this library refuses them', async () => {
      const queue = fleet.queue<unknown>('refused', { maxWaiting: 2 });
      await client.transaction(async (db) => {
        await insert(db, 3);
        expect(await rejectionOf(queue.enqueue('a\0', { db }))).to.be.an.instanceOf(TypeError);
        await queue.enqueueMany([1, 2], { db });
        expect(await rejectionOf(queue.enqueue(3, { db }))).to.be.an.instanceOf(QueueFullError);
        await insert(db, 4);
      });
      expect((await queue.jobs()).map(({ input }) => input)).to.have.members([1, 2]);
      expect(await orders()).to.include.members([3, 4]);
    });

    it('do not abort it when the server refuses them', async () => {
      const queue = fleet.queue<number>('deleted');
      await queue.enqueue(1);
      await statement(await sharedUrl(), `select ${schema}_jobs.delete_queue('deleted')`);
      await client.transaction(async (db) => {
        await insert(db, 5);
        const error = await client.refused(db, (part) => queue.enqueue(1, { db: part }));
        expect(inspect(error)).to.include('Queue deleted does not exist');
        await insert(db, 6);
      });
      expect(await orders()).to.include.members([5, 6]);
    });

    it('are refused without a transaction', async () => {
      const error = await rejectionOf(fleet.queue<number>('outside').enqueue(1, { db: client.outside }));
      expect(String(error)).to.match(
        /^TypeError: Expected `db` to be a client(, got a pool| that has begun a transaction)/,
      );
    });
  });
