import { expect } from 'chai';
import { FleetSchemaError, FleetVersionError } from '../../lib/fleet/errors.js';
import { knownJobsVersion } from '../../lib/fleet/job-statements.js';
import { openTables, setupOf } from '../../lib/fleet/schema.js';
import { tablesVersion } from '../../lib/fleet/schema-names.js';
import { fakeDatabase } from '../helpers/fake-database.js';
import { rejectionOf } from '../helpers/rejection.js';

describe('The tables of a fleet', () => {
  /** Opens tables that are as given. Returns the class of the statements for jobs, or the error. */
  async function open({
    complete = true,
    migrate = true,
    version = tablesVersion,
    jobsVersion = knownJobsVersion,
    code = '',
  }) {
    let setups = 0;
    const degraded: string[] = [];
    const refused = Object.assign(new Error('no right'), { code });
    const required: unknown[] = [];
    const database = fakeDatabase((sql, values) => {
      if (sql.startsWith('select (select bool_and')) {
        required.push(...values.flat());
        return Promise.resolve({ rows: [{ complete }] });
      }
      if (sql.startsWith('select version')) return Promise.resolve({ rows: [{ version }] });
      setups++;
      return code === '' ? Promise.resolve({ rows: [] }) : Promise.reject(refused);
    });
    database.events$.subscribe((event) => event.type === 'degraded' && degraded.push(event.what));
    Object.assign(database.boss, { schemaVersion: () => Promise.resolve(jobsVersion) });
    const opened = openTables(database, migrate).then((jobs) => jobs.constructor.name);
    return { opened, refused, degraded, required, setups: () => setups };
  }

  it('are created if some are missing, unless they must not be', async () => {
    const created = await open({ complete: false });
    expect([await created.opened, created.setups()]).to.deep.equal(['FunctionJobs', 1]);
    const existing = await open({});
    expect([await existing.opened, existing.setups()]).to.deep.equal(['FunctionJobs', 0]);
    const error = await rejectionOf((await open({ complete: false, migrate: false })).opened);
    expect(error).to.be.instanceOf(FleetSchemaError);
    expect(error.message).to.include(': some are missing. ');
  });

  it('are complete if there is all that would be created', async () => {
    const { opened, required } = await open({});
    await opened;
    const created = setupOf('schema').matchAll(
      /create (?:unlogged )?table if not exists ([^ ]+)|create or replace (?:function|procedure) ([^(]+)/g,
    );
    // Those of functions have the types of the parameters.
    const names = required.map((name) => String(name).replace(/\(.*/, ''));
    expect(names).to.have.members(Array.from(created, ([, table, routine]) => table ?? routine));
  });

  it('are not created without the right to do so, which is the cause', async () => {
    const { opened, refused } = await open({ complete: false, code: '42501' });
    const error = await rejectionOf(opened);
    expect(error).to.be.instanceOf(FleetSchemaError);
    expect([error.message.includes(': no right. '), error.cause]).to.deep.equal([true, refused]);
    const other = await open({ complete: false, code: '53100' });
    expect(await rejectionOf(other.opened)).to.equal(other.refused);
  });

  it('are refused if a later version has created them', async () => {
    expect(await (await open({ version: tablesVersion })).opened).to.equal('FunctionJobs');
    expect(await rejectionOf((await open({ version: tablesVersion + 1 })).opened)).to.be.instanceOf(FleetVersionError);
  });

  it('have slower functions if those of pg-boss have an unknown version, which is reported', async () => {
    const { opened, degraded } = await open({ jobsVersion: 7 });
    expect([await opened, degraded]).to.deep.equal([
      'BossJobs',
      ["pg-boss's tables have version 7: its own, slower functions are used"],
    ]);
  });
});
