import { expect } from 'chai';
import { NEVER } from 'rxjs';
import {
  critical,
  cron,
  dynamic,
  launch,
  optional,
  ordered,
  supervise,
  task,
  taskRunner,
  type CronRunner,
  type SupervisedRunner,
} from '../../lib/index.js';

const work = (name: string) => task(name, () => NEVER);

describe('The `runner` of an application', () => {
  it('finds tasks by their paths: in groups, under other runners, added by key, and started by tasks', async () => {
    const child = taskRunner(work('child'));
    const parent = task('parent', (ctx) => {
      child.start(ctx).subscribe();
      return NEVER;
    });
    const tenants = dynamic('tenants');
    const report = cron(work('report'), 1000);
    const supervised = supervise(report);
    const app = launch([ordered('shop', supervised, tenants), parent]);
    const acme = tenants.add('acme', work('sync'));
    expect(app.runner('shop')).to.equal(app.runners[0]);
    expect(app.runner('shop/tenants')).to.equal(tenants);
    expect(app.runner('shop/tenants/acme')).to.equal(acme);
    expect(app.runner('shop/report')).to.equal(supervised);
    expect(app.runner('parent/child')).to.equal(child);
    for (const path of ['', 'report', 'shop/', 'shop/report/x', 'parent/other', 'shop/tenants/sync'])
      expect(app.runner(path), path).to.equal(undefined);
    await app.stop();
  });

  it('finds a task whose name has a slash', async () => {
    const app = launch([work('a/b'), ordered('a', work('b/c'))]);
    expect(app.runner('a/b')).to.equal(app.runners[0]);
    expect(app.runner('a/b/c')?.toString()).to.equal('b/c');
    await app.stop();
  });

  it('returns a runner with the controls of the task that it stands for', async () => {
    const report = () =>
      cron(
        task('report', ({ slot }) => slot),
        1000,
        { immediate: false },
      );
    const app = launch([
      ordered('a', supervise(report())),
      ordered('b', critical(report())),
      ordered('c', critical(report(), { of: 'group' })),
      ordered('d', optional(supervise(report()))),
    ]);
    for (const path of ['a/report', 'b/report', 'c/report', 'd/report']) {
      const runner = app.runner(path) as CronRunner | undefined;
      expect((await runner?.trigger())?.status, path).to.equal('completed');
      runner?.pause();
      expect([runner?.paused, runner?.history.runs, runner?.nextRuns()], path).to.deep.equal([true, 1, []]);
    }
    expect('restart' in (app.runner('b/report') ?? {})).to.equal(false);
    const restarted = await (app.runner('a/report') as SupervisedRunner<unknown>).restart();
    expect(restarted.status).to.equal('cancelled');
    await app.stop();
  });
});
