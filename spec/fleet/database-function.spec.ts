import { expect } from 'chai';
import {
  calledFunction,
  createFunction,
  functionName,
  returnQuery,
  signatureOf,
  type DatabaseFunction,
} from '../../lib/fleet/database-function.js';

const add: DatabaseFunction = {
  name: 'add_jobs',
  parameters: 'queue text, ids uuid[], inout factor float8',
  returns: 'table (id uuid)',
  volatileCommit: false,
  keepsPlan: true,
  body: (jobs, schema) => `return query select id from ${jobs}.job, "${schema}".fleet`,
};

describe('A function in the database', () => {
  it('has a name of its own for each version of it, by which its calls are recognized', () => {
    expect(functionName('s', add)).to.match(/^"s"\.add_jobs_\d+$/);
    const name = functionName('s', add).split('.')[1];
    const call = `${functionName('s', add)}($1)`;
    expect([`select a, b as c\n    from ${call}`, `call ${call}`].map(calledFunction)).to.deep.equal([name, name]);
    for (const sql of [`select max(a) from ${call}`, `select 1; call ${call}`, 'call "s".others_1($1)', 'select 1'])
      expect(calledFunction(sql), sql).to.equal(undefined);
  });

  it('is found by its signature', () => {
    expect(signatureOf('s', add)).to.equal(`${functionName('s', add)}(text, uuid[], float8)`);
  });

  it('has plans that no statistics change, and an effect that no crash undoes', () => {
    const sql = createFunction('s', add);
    expect(sql).to.include(`create or replace function ${functionName('s', add)}(${add.parameters}) returns table (`);
    expect(sql).to.match(/set jit = off set enable_seqscan = off .* set plan_cache_mode = force_generic_plan as /);
    expect(sql).to.include(add.body('s_jobs', 's')).and.not.include('synchronous_commit');
    expect(createFunction('s', { ...add, keepsPlan: false })).to.include('= force_custom_plan as ');
    expect(createFunction('s', { ...add, volatileCommit: true })).to.match(
      /begin\s+perform set_config\('synchronous_commit', 'off', true\);\s+return query/,
    );
  });

  it('is a procedure without settings, which may commit, if it returns nothing', () => {
    const sql = createFunction('s', { ...add, returns: undefined });
    expect(sql)
      .to.match(/create or replace procedure "s"\.\w+\(.*\) language plpgsql as /)
      .and.not.include(' set ');
  });

  it('may be one statement', () => {
    const body = returnQuery((jobs, schema) => `select ${jobs} ${schema}`);
    expect(body('a', 'b')).to.equal('begin return query select a b; end');
  });
});
