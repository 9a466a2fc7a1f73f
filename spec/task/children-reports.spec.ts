import { expect } from 'chai';
import { EMPTY, mergeMap, NEVER, of, Subject, timer } from 'rxjs';
import {
  cron,
  ordered,
  orchestrate,
  parallel,
  snapshot,
  supervise,
  task,
  taskRunner,
  withCancel,
  type ShutdownReport,
  type TaskRunner,
} from '../../lib/index.js';
import { collect } from '../helpers/collect.js';
import { eventTypes, failing, forever, outcomeOf, slow, throwing } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

/** Creates a task that starts a job for each name, under its own context. */
function jobs(names: Subject<TaskRunner>): TaskRunner {
  return taskRunner(task('jobs', (ctx) => names.pipe(mergeMap((runner) => runner.start(ctx)))));
}

describe('The children of a run', () => {
  it('are in the events of the run and of all runs above it, by path and number', () => {
    const source = new Subject<TaskRunner>();
    const app = ordered('app', jobs(source));
    const seen: string[] = [];
    app.events$.subscribe(({ type, task: path, runId }) => {
      if (path.includes('/jobs/')) seen.push(`${path} ${runId} ${type}`);
    });
    app.start().subscribe();
    for (const name of ['a', 'b', 'a']) source.next(taskRunner(task(name, () => EMPTY)));
    expect(seen).to.deep.equal([
      'app/jobs/a 1 ready',
      'app/jobs/a 1 done',
      'app/jobs/b 1 ready',
      'app/jobs/b 1 done',
      'app/jobs/a 2 ready',
      'app/jobs/a 2 done',
    ]);
  });

  it('are in the events of their own runner by the same path', () => {
    const source = new Subject<TaskRunner>();
    jobs(source).start().subscribe();
    const child = taskRunner(task('a', () => EMPTY));
    const paths: string[] = [];
    child.events$.subscribe(({ task: path }) => paths.push(path));
    source.next(child);
    expect(paths).to.deep.equal(['jobs/a', 'jobs/a']);
    child.start().subscribe();
    expect(paths.slice(2)).to.deep.equal(['a', 'a']);
  });

  it('have the run that started them as the parent of their context', () => {
    const parents: unknown[] = [];
    const child = taskRunner(task('child', (ctx) => void parents.push(ctx.parent?.task, ctx.parent?.parent?.task)));
    const app = parallel(
      'app',
      task('parent', (ctx) => child.start(withCancel(ctx)[0])),
    );
    app.start().subscribe();
    expect(parents).to.deep.equal(['app/parent', 'app']);
  });

  it('name their path in their errors', () => {
    const source = new Subject<TaskRunner>();
    const runner = jobs(source);
    const received = collect(runner.start());
    source.next(failing('a'));
    expect(String(received[0])).to.include('jobs failed in execute: jobs/a failed in execute: a');
  });

  it('are counted in the outcome; those that ran when the stop began are its members', () => {
    virtually((_, scheduler) => {
      const source = new Subject<TaskRunner>();
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(
        task('jobs', (run) => {
          source.subscribe((child) => void collect(child.start(run)));
          return NEVER;
        }),
      );
      runner.start(ctx).subscribe();
      for (const child of [failing('failed'), taskRunner(task('ended', () => EMPTY)), slow('a', 3), slow('b', 2)])
        source.next(child);
      source.next(taskRunner(task('late', { execute: () => NEVER, finalize: throwing() })));
      cancel();
      scheduler.flush();
      const { members, children } = outcomeOf(runner) ?? {};
      expect(children).to.deep.equal({ started: 5, failed: 2 });
      expect(members?.map(({ task: path, status, endedAt }) => [path, status, endedAt])).to.deep.equal([
        ['jobs/late', 'failed', 0],
        ['jobs/b', 'cancelled', 2],
        ['jobs/a', 'cancelled', 3],
      ]);
    });
  });

  it('are counted from 0 in the next run of the parent', () => {
    const source = new Subject<TaskRunner>();
    const runner = jobs(source);
    for (const count of [2, 1]) {
      const subscription = runner.start().subscribe();
      for (let n = 0; n < count; n++) source.next(taskRunner(task('a', () => EMPTY)));
      subscription.unsubscribe();
      expect(outcomeOf(runner)?.children).to.deep.equal({ started: count, failed: 0 });
    }
  });

  it('are in the report of the application, below their parent', () => {
    virtually((_, scheduler) => {
      const [ctx, cancel] = withCancel();
      const source = new Subject<TaskRunner>();
      let report: ShutdownReport | undefined;
      orchestrate([parallel('app', jobs(source))], { parent: ctx }).subscribe((event) => {
        if (event.type === 'shutdown') ({ report } = event);
      });
      source.next(slow('a', 3));
      cancel();
      scheduler.flush();
      const outcome = report?.outcomes[0]?.members?.[0];
      expect(outcome?.members?.map(({ task: path }) => path)).to.deep.equal(['app/jobs/a']);
      expect(String(report)).to.include('jobs');
    });
  });
});

describe('The snapshot of a run with children', () => {
  it('has the running ones as members, one entry for each name, and the counts of all', () => {
    const source = new Subject<TaskRunner>();
    const runner = jobs(source);
    runner.start().subscribe({ error: () => undefined });
    expect(snapshot(runner)).to.not.have.any.keys('members', 'children');
    for (const child of [forever('a'), forever('b'), forever('a'), taskRunner(task('c', () => of(1)))])
      source.next(child);
    const { members, children } = snapshot(runner);
    expect(children).to.deep.equal({ started: 4, failed: 0 });
    expect(members?.map(({ name, status, count }) => [name, status, count])).to.deep.equal([
      ['a', 'running', 2],
      ['b', 'running', undefined],
    ]);
  });

  it('has none that has ended, for the listeners of its end either', () => {
    const source = new Subject<TaskRunner>();
    const runner = jobs(source);
    runner.start().subscribe();
    const end = new Subject();
    const child = taskRunner(task('a', () => end));
    const members: unknown[] = [];
    child.events$.subscribe(({ type }) => type === 'done' && members.push(snapshot(runner).members));
    source.next(child);
    expect(snapshot(runner).members).to.have.length(1);
    end.complete();
    expect(members).to.deep.equal([undefined]);
  });

  it('has the state of the last of several children of one name', () => {
    virtually((_, scheduler) => {
      const source = new Subject<TaskRunner>();
      const runner = jobs(source);
      runner.start().subscribe();
      scheduler.schedule(() => source.next(forever('a')), 1);
      scheduler.schedule(
        () => source.next(taskRunner(task('a', { initialize: () => timer(5), execute: () => NEVER }))),
        2,
      );
      scheduler.schedule(() => {
        const [entry] = snapshot(runner).members ?? [];
        expect(entry).to.deep.equal({ name: 'a', status: 'initializing', restarts: 0, since: 2, count: 2 });
      }, 3);
      scheduler.flush();
      expect(snapshot(runner).children).to.deep.equal({ started: 2, failed: 0 });
    });
  });

  it('has the counts of the last run when that has ended, and no members', () => {
    const source = new Subject<TaskRunner>();
    const runner = jobs(source);
    const subscription = runner.start().subscribe();
    source.next(forever('a'));
    subscription.unsubscribe();
    expect(snapshot(runner)).to.not.have.property('members');
    expect(snapshot(runner).children).to.deep.equal({ started: 1, failed: 0 });
  });

  it('has those of a supervised task, of a slot and of a child', () => {
    const child = () => taskRunner(task('child', (ctx) => forever('grandchild').start(ctx)));
    const parents = [
      supervise(task('parent', (ctx) => child().start(ctx))),
      cron(
        task('parent', (ctx) => child().start(ctx)),
        1000,
      ),
    ];
    for (const runner of parents) {
      const subscription = runner.start().subscribe();
      const { name, members, children } = snapshot(runner);
      expect([name, children]).to.deep.equal(['parent', { started: 1, failed: 0 }]);
      const [entry] = members ?? [];
      expect([entry?.name, entry?.members?.[0]?.name]).to.deep.equal(['child', 'grandchild']);
      subscription.unsubscribe();
    }
  });

  it('has the members of a group before what was started under the context of the group', () => {
    const member = task('member', (ctx) => {
      if (ctx.parent) forever('other').start(ctx.parent).subscribe();
      return NEVER;
    });
    const group = parallel('group', member);
    const types = eventTypes(group);
    const subscription = group.start().subscribe();
    expect(snapshot(group).members?.map(({ name }) => name)).to.deep.equal(['member', 'other']);
    subscription.unsubscribe();
    expect(types.at(-1)).to.equal('done');
    expect(outcomeOf(group)?.members?.map(({ task: path }) => path)).to.deep.equal(['group/member', 'group/other']);
  });
});
