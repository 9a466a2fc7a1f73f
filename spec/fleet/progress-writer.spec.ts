import { expect } from 'chai';
import { ProgressWriter } from '../../lib/fleet/progress-writer.js';
import { fakeDatabase } from '../helpers/fake-database.js';

describe('The last progress of a job', () => {
  const progressOf = (job: string) => ({ queue: 'q', job, attempt: 1, value: job });

  it('is stored with the next statement at its end, although other jobs report theirs during each', async () => {
    const statements: unknown[] = [];
    const stored: string[] = [];
    const report = (job: string) => writer.add(progressOf(job), () => stored.push(job));
    const database = fakeDatabase(async (sql, [, jobs]) => {
      if (sql.startsWith('delete')) return { rows: [] };
      statements.push(jobs);
      await new Promise(setImmediate);
      if (statements.length < 10) report(`other ${statements.length}`);
      return { rows: [] };
    });
    const writer = new ProgressWriter(database);
    report('first');
    const first = writer.settle(progressOf('first'));
    report('last');
    await writer.settle(progressOf('last'));
    expect(statements).to.deep.equal([['first'], ['last', 'other 1']]);
    expect(stored).to.include('last');
    await first;
    await writer.flush();
    expect(statements.length).to.equal(10);
  });
});
