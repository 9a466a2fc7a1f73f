import { expect } from 'chai';
import { map, NEVER, of, timer } from 'rxjs';
import {
  critical,
  launch,
  optional,
  ordered,
  parallel,
  snapshot,
  supervise,
  task,
  TaskError,
  withCancel,
  type Runnable,
  type Task,
  type LaunchOptions,
} from '../../lib/index.js';
import { scenario, script, virtualClock } from '../../lib/testing/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { settled } from '../helpers/tasks.js';

const hanging = (name: string) => task(name, { initialize: () => NEVER, execute: () => NEVER });
const fail = (): never => {
  throw new Error('refused');
};
const failing = (name: string) => task(name, { execute: fail });
const server = task('server', () => NEVER);
const either = 'Expected `optional` or `critical` around a task, not both';

function start(runnables: readonly Runnable[], options: LaunchOptions = {}) {
  const clock = virtualClock();
  const app = launch(runnables, { scheduler: clock, observer: () => undefined, ...options });
  return { app, clock };
}

describe('An optional task', () => {
  const consoleError = spyOnConsoleError();

  it('is not waited for: the application and its group are ready without it', () => {
    for (const [title, runnables] of Object.entries({
      directly: [optional(hanging('smtp')), server],
      'in an ordered group': [ordered('app', optional(hanging('smtp')), server)],
      'in a parallel group': [parallel('app', optional(hanging('smtp')), server)],
      'a group': [optional(ordered('mail', hanging('smtp'), hanging('queue'))), server],
      'that is being restarted': [optional(supervise(failing('smtp'))), server],
    })) {
      const { app } = start(runnables);
      expect(app.ready, title).to.equal(true);
    }
  });

  it('lets the next member of an ordered group start at once, and stops in its turn', async () => {
    await scenario({
      run: () => [
        ordered(
          'app',
          script('db', '[>-(!])-|'),
          optional(script('smtp', '[---->--(!])-|')),
          script('http', '[->-(!])-|'),
        ),
      ],
      signals: '          ---------T',
      expect: `
        app/db      [>--------     -  -  -- (!])-|
        app/smtp    -[---->   -  - --  (!])-|
        app/http    -[->------(!])-|
        readiness   --->-----<
      `,
      tolerance: 5,
    });
  });

  it('stops nothing when it fails, and leaves the report clean, which marks it', async () => {
    const initialize: Task['initialize'] = ({ scheduler }) => timer(5, scheduler).pipe(map(fail));
    const slow = task('smtp', { initialize, execute: () => NEVER });
    for (const make of [
      () => [optional(failing('smtp')), server],
      () => [ordered('app', optional(failing('smtp')), server)],
      () => [parallel('app', server, optional(slow))],
      () => [parallel('app', server, optional(task('smtp', { execute: () => of(1), finalize: fail })))],
    ]) {
      const { app, clock } = start(make());
      clock.advance(10);
      expect(app.ready).to.equal(true);
      const stopped = app.stop();
      clock.advance(10);
      const report = await stopped;
      expect(report.clean).to.equal(true);
      expect(report.failures).to.deep.equal([]);
      expect(String(report)).to.match(/smtp +failed, optional /);
    }
  });

  it('has its error written', async () => {
    const { app } = start([optional(failing('smtp')), server], { observer: undefined });
    await settled();
    expect(consoleError.all().map(String).join()).to.include('TaskError: smtp failed in execute: refused');
    await app.stop();
  });

  it('has its error written in a group without a listener, that of its `finalize`, too', () => {
    const badEnd = task('bad end', { execute: () => of(1), finalize: fail });
    for (const make of [ordered, parallel]) {
      const group = make('app', optional(failing('smtp')), optional(badEnd), server);
      group.start().subscribe();
      expect(group.status).to.equal('running');
    }
    expect(consoleError.all().map(String)).to.deep.equal([
      'TaskError: app/smtp failed in execute: refused',
      'TaskError: app/bad end failed in finalize: refused',
      'TaskError: app/smtp failed in execute: refused',
      'TaskError: app/bad end failed in finalize: refused',
    ]);
  });

  it('is not clean if it has not ended at the deadline', async () => {
    const stuck = task('smtp', { execute: () => NEVER, finalize: () => NEVER });
    const { app, clock } = start([optional(stuck), server], { timeout: 100 });
    const stopped = app.stop();
    clock.advance(100);
    const report = await stopped;
    expect(report.clean).to.equal(false);
    expect(String(report)).to.include('timed-out in finalize, optional');
  });

  it('adds nothing to paths, events and the snapshot', () => {
    const clock = virtualClock();
    const group = ordered('app', optional(hanging('smtp')), server);
    const tasks = new Set<string>();
    group.events$.subscribe((event) => tasks.add(event.task));
    group.start(withCancel(undefined, { scheduler: clock })[0]).subscribe();
    expect([...tasks]).to.deep.equal(['app', 'app/smtp', 'app/server']);
    expect(snapshot(group).members?.map(({ name, status }) => `${name} ${status}`)).to.deep.equal([
      'smtp initializing',
      'server running',
    ]);
  });

  it('is not among the tasks that a slow start names', () => {
    const { clock } = start([optional(hanging('smtp')), hanging('db')]);
    clock.advance(10_000);
    expect(consoleError.all().join()).to.include('db').and.not.include('smtp');
  });

  it('cannot be wrapped by what would act on its failure', () => {
    const smtp = optional(server);
    expect(() => supervise(smtp)).to.throw(
      TypeError,
      'Expected `optional` around `supervise`: write optional(supervise(task))',
    );
    expect(() => critical(smtp)).to.throw(TypeError, either);
    expect(() => critical(smtp, { of: 'group' })).to.throw(TypeError, either);
  });

  it('cannot be a critical one, which stops its application or its group', () => {
    for (const of of ['application', 'group'] as const) {
      expect(() => optional(critical(server, { of }))).to.throw(TypeError, either);
      expect(() => optional(critical(supervise(server), { of }))).to.throw(TypeError, either);
    }
  });

  it('is not excused for a critical task within it, whose failure stops the application', async () => {
    for (const make of [
      () => [optional(parallel('mail', critical(failing('smtp')))), server],
      () => [ordered('app', server, optional(supervise(ordered('mail', server, critical(failing('smtp'))))))],
    ])
      for (const onFailure of ['cancel', 'continue'] as const) {
        const report = await start(make(), { onFailure }).app;
        expect(report.clean).to.equal(false);
        expect(report.cause).to.be.instanceOf(TaskError).and.have.property('phase', 'execute');
        expect(String(report)).to.match(/^Stopped by TaskError: .*smtp failed in execute: refused\. Not clean/);
        expect(String(report)).to.match(/mail +failed, optional/);
      }
  });

  it('leaves the report clean if a critical task within it fails only after a stop was requested', async () => {
    const smtp = task('smtp', { execute: () => NEVER, finalize: fail });
    const { app } = start([optional(parallel('mail', critical(smtp))), server]);
    const { clean, outcomes } = await app.stop('enough');
    expect(outcomes.map(({ task: name, status }) => `${name} ${status}`)).to.include('mail failed');
    expect(clean).to.equal(true);
  });
});

describe('A task that is critical of its group', () => {
  spyOnConsoleError();
  const ends = task('worker', () => of(1));
  const essential = (runnable: Runnable) => critical(runnable, { of: 'group' });

  it('stops the group when it completes, which then completes, and the application goes on', async () => {
    for (const make of [ordered, parallel]) {
      const group = make(
        'workers',
        task('db', () => NEVER),
        essential(ends),
      );
      const { app } = start([group, server]);
      expect(group.status).to.equal('done');
      expect([app.live, app.ready]).to.deep.equal([true, true]);
      const { clean, outcomes } = await app.stop();
      expect(clean).to.equal(true);
      const [outcome] = outcomes;
      expect([outcome?.status, ...(outcome?.members ?? []).map(({ status }) => status)]).to.deep.equal([
        'completed',
        'cancelled',
        'completed',
      ]);
    }
  });

  it('stops the group with its error when it fails', async () => {
    const group = parallel(
      'workers',
      task('db', () => NEVER),
      essential(failing('worker')),
    );
    const { app } = start([group, server], { onFailure: 'continue' });
    expect(group.status).to.equal('done');
    const { outcomes } = await app.stop();
    expect(String(outcomes[0]?.error)).to.equal('TaskError: workers/worker failed in execute: refused');
  });

  it('stops an application that continues after failures, at its own failure', async () => {
    const worker = task('worker', { execute: fail, finalize: () => NEVER });
    const { app, clock } = start([server, essential(worker)], { onFailure: 'continue', timeout: 5 });
    clock.advance(5);
    expect(String(await app)).to.match(/^Stopped by TaskError: worker failed in execute: refused. Not clean/);
  });

  it('keeps the members after it from starting', () => {
    const started: string[] = [];
    const later = task('later', () => started.push('later'));
    ordered('workers', essential(ends), later).start().subscribe();
    expect(started).to.deep.equal([]);
  });

  it('tells the members who stopped them', () => {
    const causes: string[] = [];
    const db = task('db', (ctx) => {
      ctx.cancelled$.subscribe((cause) => causes.push(String(cause)));
      return NEVER;
    });
    parallel('workers', db, essential(ends)).start().subscribe();
    expect(causes).to.deep.equal(['CancelledError: workers/worker has ended']);
  });

  it('stops the application if it is in no group', async () => {
    const { app } = start([server, essential(ends)]);
    const report = await app;
    expect(String(report.cause)).to.equal('CancelledError: worker has ended');
    expect(report.clean).to.equal(true);
  });

  it('may be supervised first', () => {
    const clock = virtualClock();
    const group = parallel(
      'workers',
      task('db', () => NEVER),
      essential(supervise(failing('worker'), { maxRestarts: 1, backoff: { initial: 5, jitter: 0 } })),
    );
    group.events$.subscribe();
    group.start(withCancel(undefined, { scheduler: clock })[0]).subscribe({ error: () => undefined });
    expect(group.status).to.not.equal('done');
    clock.advance(5);
    expect(group.status).to.equal('done');
  });

  it('refuses another scope', () => {
    expect(() => critical(server, { of: 'world' as never })).to.throw(RangeError, 'Expected `of` to be');
    const misspelled = () => critical(server, { off: 'group' } as never);
    expect(misspelled).to.throw(TypeError, 'Expected an option of `critical`, got `off`. Known options: `of`');
  });
});
