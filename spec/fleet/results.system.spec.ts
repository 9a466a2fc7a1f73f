import { expect } from 'chai';
import { firstValueFrom, lastValueFrom, Subject } from 'rxjs';
import { withCancel } from '../../lib/index.js';
import { JobError, type JobEvent, type Queue } from '../../lib/fleet/index.js';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';

describe('The results of jobs that end together', () => {
  const fleets = new Fleets();
  const [ctx, cancel] = withCancel();
  after(async () => {
    cancel();
    await fleets.close();
  });

  /** Runs a worker whose jobs all end at once, when as many as `count` have begun. */
  async function runTogether<Out>(queue: Queue<number, Out>, count: number, output: (n: number) => Out) {
    const gate$ = new Subject<undefined>();
    let begun = 0;
    const failures: JobEvent[] = [];
    const runner = queue.worker(
      async (n) => {
        const opened = firstValueFrom(gate$);
        if (++begun === count) setImmediate(() => gate$.next(undefined));
        await opened;
        return output(n);
      },
      { concurrency: count },
    );
    runner.start(ctx).subscribe((event) => {
      if (event.type === 'failed' || event.type === 'retrying' || event.type === 'lost') failures.push(event);
    });
    const results = await Promise.all(
      Array.from({ length: count }, (_, n) => lastValueFrom(queue.submit(n)).catch((error: unknown) => error)),
    );
    return { results, failures };
  }

  it('are written by one statement, although each is different', async () => {
    const fleet = await fleets.connect();
    const queue = fleet.queue<number, string>('different');
    const [url, { schema }] = [await sharedUrl(), fleets];
    await statement(url, `create table ${schema}.written (jobs bigint)`);
    await statement(
      url,
      `create function ${schema}.count_written() returns trigger language plpgsql as $$ begin
         insert into ${schema}.written select count(*) from changed where state = 'completed' having count(*) > 0;
         return null;
       end $$`,
    );
    await statement(
      url,
      `create trigger written after update on ${schema}_jobs.job referencing new table as changed
       for each statement execute function ${schema}.count_written()`,
    );
    const { results, failures } = await runTogether(queue, 60, (n) => `result ${n}`);
    expect(results).to.deep.equal(Array.from({ length: 60 }, (_, n) => `result ${n}`));
    expect(failures).to.deep.equal([]);
    expect(await statement(url, `select jobs::int from ${schema}.written`)).to.deep.equal([{ jobs: 60 }]);
  });

  it('fail only the jobs whose result the database cannot store', async () => {
    // Less than what JSON.stringify can nest.
    const url = new URL(await sharedUrl());
    url.searchParams.set('options', '-c max_stack_depth=100kB');
    const queue = (await fleets.connect({ url: url.href })).queue<number>('deep', { retries: 0 });
    const nested = (depth: number) => {
      let value: unknown = [];
      for (let level = 1; level < depth; level++) value = [value];
      return value;
    };
    const { results, failures } = await runTogether(queue, 20, (n) => (n % 7 === 3 ? nested(1500) : n));
    const failed = results.flatMap((result, n) => (result instanceof JobError ? [n] : []));
    expect(failed).to.deep.equal([3, 10, 17]);
    expect(results.filter((result) => typeof result === 'number')).to.have.length(17);
    expect(failures.map(({ type }) => type)).to.deep.equal(['failed', 'failed', 'failed']);
    expect(String(results[3])).to.include('stack depth limit exceeded');
  });

  it('are written whatever their total size is', async () => {
    const queue = (await fleets.connect()).queue<number, string>('large');
    const { results, failures } = await runTogether(queue, 12, (n) => String(n % 10).repeat(1_500_000));
    expect(results.map((result) => (result as string).slice(0, 3))).to.deep.equal(
      Array.from({ length: 12 }, (_, n) => String(n % 10).repeat(3)),
    );
    expect(failures).to.deep.equal([]);
  });
});
