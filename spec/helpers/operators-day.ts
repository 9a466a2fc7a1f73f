import { expect } from 'chai';
import {
  critical,
  cron,
  dynamic,
  optional,
  ordered,
  parallel,
  supervise,
  type Application,
  type CronRunner,
  type DynamicGroup,
  type Runnable,
  type SimpleTask,
  type SupervisedRunner,
  type TaskRunner,
} from '../../lib/index.js';

/** The parts of the shop that are virtual in one spec and real in the other. Times are in ms. */
export interface ShopParts {
  /** Creates one of the ten tasks. */
  readonly task: (name: string) => Runnable;
  readonly report: SimpleTask;
  readonly reportPeriod: number;
  readonly cleanup: SimpleTask;
  readonly cleanupPeriod: number;
}

/** Composes ten tasks, two crons and a dynamic group. */
export function composeShop({ task, report, reportPeriod, cleanup, cleanupPeriod }: ShopParts): TaskRunner {
  const workers = parallel(
    'workers',
    supervise(task('mail')),
    supervise(task('stock')),
    supervise(task('search')),
    critical(task('audit'), { of: 'group' }),
  );
  return ordered(
    'shop',
    task('db'),
    task('cache'),
    task('broker'),
    workers,
    optional(task('metrics')),
    cron(report, reportPeriod, { immediate: false }),
    supervise(cron(cleanup, cleanupPeriod, { immediate: false })),
    dynamic('tenants'),
    task('gateway'),
    task('http'),
  );
}

/** The runners that the operator controls. */
export interface ShopControls {
  readonly report: CronRunner;
  readonly cleanup: CronRunner;
  readonly tenants: DynamicGroup;
  readonly mail: SupervisedRunner<unknown>;
}

/** Finds the runners that the operator controls, by their paths alone. */
export function controlsOf(app: Application): ShopControls {
  const find = (path: string) => app.runner(path) ?? expect.fail(`There is no ${path}`);
  return {
    report: find('shop/report') as CronRunner,
    cleanup: find('shop/cleanup') as CronRunner,
    tenants: find('shop/tenants') as DynamicGroup,
    mail: find('shop/workers/mail') as SupervisedRunner<unknown>,
  };
}

/** Returns the first two columns of a report's table: task and outcome. */
export function outcomesIn(report: string): string[] {
  const [, heads = '', ...rows] = report.trimEnd().split('\n');
  expect(heads).to.match(/^ {2}task +outcome +ran for +ended in$/);
  return rows.map((row) => row.trim().split(/ {2,}/).slice(0, 2).join(': '));
}
