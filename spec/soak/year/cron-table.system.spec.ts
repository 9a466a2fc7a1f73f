import { expect } from 'chai';
import pg from 'pg';
import { setupOf } from '../../../lib/fleet/schema.js';
import { newSchema, sharedUrl } from '../../helpers/fleet.js';
import { companyCron } from './company-crons.js';
import { CronTable } from './cron-table.js';
import { simulateFleet } from './simulate-fleet.js';

/** A statement of a simulation, and its answer. */
interface Statement {
  readonly sql: string;
  readonly values: readonly unknown[];
  readonly now: number;
  readonly rows: object[];
}

/** Simulates an hour with many faults, and returns the statements that the server executes. */
async function statementsOfSimulation(): Promise<Statement[]> {
  const statements: Statement[] = [];
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { execute } = CronTable.prototype;
  CronTable.prototype.execute = function (sql, values, now) {
    const answer = execute.call(this, sql, values, now);
    statements.push({ sql, values, now, rows: [...answer.rows] });
    return answer;
  };
  try {
    const crons = [companyCron('slow', 20_000, '*/10 * * * * *'), companyCron('rare', 30_000, '* * * * *')];
    await simulateFleet({ processes: 4, hours: 1, seed: 1, crons, faultDays: 0.005, outageDays: 0.02 });
  } finally {
    CronTable.prototype.execute = execute;
  }
  return statements;
}

describe('The table of crons of a simulated fleet', () => {
  it('answers all statements as PostgreSQL does', async () => {
    const schema = newSchema();
    const client = new pg.Client({ connectionString: await sharedUrl() });
    await client.connect();
    try {
      await client.query(setupOf(schema));
      // The statements read the time of the simulation.
      await client.query(`
        create function "${schema}".now() returns timestamptz stable language sql
          as $$ select to_timestamp(current_setting('simulated.ms')::float8 / 1000) $$;
        set search_path = "${schema}", pg_catalog`);
      const statements = await statementsOfSimulation();
      expect(statements.length).to.be.greaterThan(1000);
      for (const { sql, values, now, rows } of statements) {
        await client.query('select set_config($1, $2, false)', ['simulated.ms', String(now)]);
        const answer = await client.query<object>(sql.replaceAll('"fleet".', `"${schema}".`), [...values]);
        expect(answer.rows, `${sql}\n${values.join(', ')}\n${now}`).to.have.deep.members(rows);
      }
    } finally {
      await client.end();
    }
  });
});
