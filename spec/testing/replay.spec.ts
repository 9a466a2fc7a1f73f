import { expect } from 'chai';
import fc from 'fast-check';
import { catchError, EMPTY, from, interval, mergeMap, Subject, timer, zip, type ObservableInput } from 'rxjs';
import sinon from 'sinon';
import {
  cron,
  launch,
  orchestrate,
  ordered,
  parallel,
  supervise,
  task,
  task as createTask,
  taskRunner,
  type AppEvent,
  type Runnable,
  type SimpleTask,
} from '../../lib/index.js';
import type { RecordedEvent } from '../../lib/recording/types.js';
import {
  record,
  replay,
  scenario,
  script,
  toMarbles,
  virtualClock,
  type Recording,
  type Scenario,
} from '../../lib/testing/index.js';
import { applicationCases, applicationOf, type CreateTask, type Plan } from '../helpers/applications.js';
import { stored } from '../helpers/recordings.js';
import { settled } from '../helpers/tasks.js';
import { scaledRuns } from '../helpers/scaled-runs.js';

/** Creates the tasks of an application from marbles. */
const scripted: CreateTask = (path, rows, name = path.slice(path.lastIndexOf('/') + 1)) => script(name, rows);

/** Returns a replay of an application in which the tasks do what was recorded. */
function replayOf(recording: Recording, run: (task: CreateTask) => readonly Runnable[]): Scenario {
  const started = new Set(recording.events.map(({ task }) => task));
  return replay(recording, {
    run: (task) => run((path, _, name = path) => (started.has(path) ? task(path) : neverStarted(name))),
  });
}

/** A recording has no events of a task that never started, so its replay must not start it, either. */
function neverStarted(name: string): SimpleTask {
  return createTask(name, () => expect.fail(`${name} starts`));
}

/** Returns the marbles of a scenario, those that its replay expects, and those of its replay. */
async function recordedAndReplayed(
  run: (task: CreateTask) => readonly Runnable[],
  options: Partial<Scenario> = {},
): Promise<[recorded: string, expected: string | undefined, replayed: string]> {
  const { recording, marbles } = await scenario({ run: () => run(scripted), ...options });
  const repeated = replayOf(stored(recording), run);
  return [marbles, repeated.expect, (await scenario(repeated)).marbles];
}

/**
 * Whether a recording determines its replay. The recording of a cron does not show whether its last run has ended. A
 * replay assumes it has, so a cron that has used all its runs would end.
 */
function isDetermined({ events }: Recording): boolean {
  const crons = new Set(events.flatMap(({ type, task }) => (type === 'slot-started' ? [task] : [])));
  for (const { type, task } of events) if (type === 'done') crons.delete(task);
  return crons.size === 0 || events.some(({ type }) => type === 'shutdown');
}

/** A fake timer of sinon rounds its delay to whole ms, unlike virtual time, so random delays would differ. */
function withoutJitter(plan: Plan): Plan {
  if (plan.kind === 'supervise') return { ...plan, jitter: 0, of: withoutJitter(plan.of) };
  return 'members' in plan ? { ...plan, members: plan.members.map(withoutJitter) } : plan;
}

const backoff = { initial: 3, factor: 2, jitter: 0 };

describe('replay', () => {
  const applications: Record<string, [run: (task: CreateTask) => readonly Runnable[], options?: Partial<Scenario>]> = {
    'a task that ends': [(task) => [task('x', '[->-a-b]--|')]],
    'tasks that fail': [(task) => [task('x', '[->-(#])-|'), task('y', '[(#])-|'), task('z', '>-(!|)')]],
    'a failure while another task runs': [(task) => [task('x', '-#'), task('y', '--a-|')], { onFailure: 'continue' }],
    'a failure before another task restarts': [
      (task) => [task('x', '-#'), supervise(task('y', ['---#', '---|']), { backoff })],
      { onFailure: 'continue' },
    ],
    'a failure and a later stop': [
      (task) => [task('x', '-#'), task('y', '')],
      { onFailure: 'continue', signals: '------T' },
    ],
    'a stop by hand': [
      (task) => [task('x', '[->(!])-|')],
      { during: ({ app, clock }) => void clock.schedule(() => void app.stop(), 7) },
    ],
    'a stop by hand after a failure': [
      (task) => [task('x', '-#'), task('y', '')],
      { onFailure: 'continue', during: ({ app, clock }) => void clock.schedule(() => void app.stop(), 7) },
    ],
    'a drain': [(task) => [task('x', '[->-!--]-|')], { signals: '----T', drainDelay: 4 }],
    'a drain by hand': [
      (task) => [task('x', '')],
      { drainDelay: 4, during: ({ app, clock }) => void clock.schedule(() => void app.stop(), 7) },
    ],
    'a drain that a failure ends': [
      (task) => [task('x', '------#'), task('y', '')],
      { signals: '----T', drainDelay: 50 },
    ],
    'a drain during which all tasks end': [(task) => [task('x', '------|')], { signals: '----T', drainDelay: 50 }],
    'a second signal': [(task) => [task('x', '>-! 1s |')], { signals: '--T---T' }],
    'tasks that hang': [
      (task) => [task('x', '>-?'), task('y', '[>-]--?'), task('z', '[?')],
      { signals: '----T', timeout: 5 },
    ],
    'a hook that fails and a later hook that hangs': [
      (task) => [task('x', '[--(#])?'), task('y', '')],
      { signals: '----T', timeout: 5 },
    ],
    'an ordered group': [
      (task) => [ordered('g', task('g/a', '[->(!])-|'), task('g/b', '[-->(!])--|'))],
      { signals: '---------T' },
    ],
    'an ordered group whose members start at once': [
      (task) => [ordered('g', task('g/a', '(!])-|'), task('g/b', '-|'), task('g/c', '(!])--|'))],
      { signals: '---T' },
    ],
    'an ordered group that hangs while it stops': [
      (task) => [ordered('g', task('g/a', ''), task('g/b', '(!])--?'))],
      { signals: '---T', timeout: 5 },
    ],
    'an ordered group with a member that fails while another starts': [
      (task) => [ordered('g', task('g/a', '-(#])--|'), task('g/b', '(!])-|'), task('g/c', '[-----(#])-|'))],
      { onFailure: 'continue' },
    ],
    'an ordered group that is still starting': [
      (task) => [ordered('g', task('g/a', '[->'), task('g/b', '[-----'))],
      { duration: 4 },
    ],
    'a parallel group': [
      (task) => [parallel('g', task('g/a', '[->(!])-|'), task('g/b', '[-->(!])--|'))],
      { signals: '---------T' },
    ],
    'nested groups': [
      (task) => [
        ordered('g', task('g/a', '[->'), parallel('h', task('g/h/b', '--#'), ordered('i', task('g/h/i/c', '[->')))),
      ],
    ],
    restarts: [(task) => [supervise(task('x', ['[->-(#])-|', '[-(#])|', '[->a|']), { backoff })]],
    'restarts with jitter': [
      (task) => {
        const jitters = [0.1, 0.9, 0.5];
        const random = () => jitters.shift() ?? 0;
        return [supervise(task('x', ['-#', '-#', '-#', '-|']), { backoff: { ...backoff, jitter: 1, random } })];
      },
    ],
    'restarts after every end, up to their limit': [
      (task) => [supervise(task('x', '[->-|'), { restart: 'always', backoff, maxRestarts: 2 })],
    ],
    'a supervised task without restarts': [
      (task) => [supervise(task('x', '[->-#'), { maxRestarts: 0 }), task('y', '')],
    ],
    'a supervised task that fails for good while another goes on': [
      (task) => [supervise(task('x', '-#'), { backoff, maxRestarts: 1 }), task('y', '')],
      { onFailure: 'continue', signals: '---------T' },
    ],
    'a supervised task that hangs after a restart': [
      (task) => [supervise(task('x', ['-#', '[->-?']), { backoff })],
      { signals: '--------T', timeout: 5 },
    ],
    'a supervised task in another one, whose runs all end': [
      (task) => {
        const inner = supervise(task('x', '[->-|'), { restart: 'always', backoff, maxRestarts: 1 });
        return [supervise(inner, { backoff, maxRestarts: 1 })];
      },
    ],
    'a stop between two runs of a supervised task': [
      (task) => [supervise(task('x', '-#'), { backoff })],
      { signals: '---T' },
    ],
    'a stop of a task that would have been restarted': [
      (task) => [supervise(task('x', '[->-]-----|'), { backoff, restart: 'always' })],
      { signals: '------T' },
    ],
    'a supervised group': [
      (task) => [supervise(ordered('g', task('g/a', ['--#', '-|']), task('g/b', '[->')), { backoff })],
      { signals: '-----------T' },
    ],
    'a cron': [(task) => [cron(task('x', ['[->a|', '-b|', '#', '|']), 4, { maxRuns: 4 })]],
    'a cron whose runs last almost until the next slot': [
      (task) => [cron(task('x', '---(a|)'), 4)],
      { signals: '--------------T' },
    ],
    'a cron that a failed run stops': [(task) => [cron(task('x', ['[->-a]-|', '>-#']), 3, { onError: 'stop' })]],
    'a cron that is stopped': [(task) => [cron(task('x', '[->--b-(!])-|'), 3)], { signals: '-----------T' }],
    'a cron with a run that ends late after a cancel': [
      (task) => [cron(task('x', '-a-!---]-|'), 20)],
      { signals: '----T' },
    ],
    'a cron with a long last run': [(task) => [cron(task('x', '[--->---]-|'), 10, { maxRuns: 2 })]],
    'a cron that hangs': [(task) => [cron(task('x', '-a-?'), 20)], { signals: '----T', timeout: 5 }],
    'a cron in a group that hangs before it stops the cron': [
      (task) => [ordered('g', cron(task('g/c', '-----|'), 10, { maxRuns: 2 }), task('g/t', '-!--?'))],
      { signals: '--------T', timeout: 5 },
    ],
    'a cron that hangs while it ends': [
      (task) => [cron(task('x', '-a-]?'), 20, { maxRuns: 1 })],
      { signals: '-----T', timeout: 5 },
    ],
    'a cron with a calendar schedule': [
      (task) => [cron(task('x', '|'), '30 2 * * *', { timezone: 'Europe/Berlin', maxRuns: 2 })],
      { at: '2026-03-29T00:59:00Z' },
    ],
    'tasks that are still running': [
      (task) => [task('x', '[->a--b'), cron(task('c', '|'), 5), task('y', '-!-?')],
      { duration: 23, at: 5000 },
    ],
    'a failure that stops nothing, of a task that is still stopping': [
      (task) => [task('x', '-(#])-----|'), task('y', '')],
      { duration: 4, onFailure: 'continue' },
    ],
    'tasks that are still stopping': [
      (task) => [task('x', '(!])?'), task('y', '-#'), task('z', '-?')],
      { duration: 23 },
    ],
    'a name with a slash': [(task) => [task('a/b', '-|', 'a/b'), parallel('g', task('g/c/d', '--|', 'c/d'))]],
    'a name that begins with the name of another task': [(task) => [task('a', '-|'), task('a/b', '--|', 'a/b')]],
    'an application without tasks': [() => []],
  };

  for (const [name, [run, options]] of Object.entries(applications))
    it(`repeats a recording of ${name}`, async () => {
      const [recorded, expected, replayed] = await recordedAndReplayed(run, options);
      expect([expected, replayed]).to.deep.equal([recorded, recorded]);
    });

  it('repeats recordings of generated applications', async () => {
    await fc.assert(
      fc.asyncProperty(applicationCases, async ({ plans, options }) => {
        const { recording, marbles } = await scenario({ run: () => applicationOf(plans, scripted), ...options });
        fc.pre(isDetermined(recording));
        const replayed = await scenario(replayOf(stored(recording), (task) => applicationOf(plans, task)));
        expect(replayed.marbles).to.equal(marbles);
        expect(stored(replayed.recording).events.map(({ type, task }) => `${task} ${type}`)).to.have.members(
          stored(recording).events.map(({ type, task }) => `${task} ${type}`),
        );
      }),
      { numRuns: scaledRuns(400), seed: 20_261_124, endOnFailure: true },
    );
  });

  it('repeats recordings of a process', async () => {
    await fc.assert(
      fc.asyncProperty(applicationCases, fc.nat(20), async ({ plans: allPlans, options }, before) => {
        const plans = allPlans.map(withoutJitter);
        const clock = sinon.useFakeTimers({
          toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'],
          now: 1e12,
        });
        let recording: Recording;
        try {
          const events$ = new Subject<AppEvent>();
          recording = record(events$);
          clock.tick(before);
          const { timeout, drainDelay, onFailure, signals } = options;
          const app = launch(applicationOf(plans, scripted), {
            observer: events$,
            ...(timeout !== undefined && { timeout }),
            ...(drainDelay !== undefined && { drainDelay }),
            ...(onFailure && { onFailure }),
          });
          if (signals) setTimeout(() => void app.stop(new Error('enough')), signals.length - 1);
          for (let ms = 0; ms < 1100; ms++) clock.tick(1);
          recording = stored(recording);
        } finally {
          clock.restore();
        }
        await settled();
        fc.pre(isDetermined(recording));
        const replayed = await scenario(replayOf(recording, (task) => applicationOf(plans, task)));
        const trimmed = { ...recording, from: recording.events[0]?.at ?? recording.from };
        // There are no events for values and for the readiness of the application.
        const rows = (marbles: string) => marbles.split('\n').filter((line) => !line.startsWith('readiness'));
        expect(
          rows(
            toMarbles({
              ...replayed.recording,
              events: replayed.recording.events.filter(({ type }) => type !== 'value' && type !== 'readiness'),
            }),
          ),
        ).to.deep.equal(rows(toMarbles(trimmed)));
      }),
      { numRuns: scaledRuns(100), seed: 20_261_124, endOnFailure: true },
    );
  });

  it('repeats a task that has started runs, without these, and each of these by its path', async () => {
    const consumer = task('consumer', {
      execute: (ctx) =>
        // The first run goes on when the second one has ended.
        zip(from(['>----a-(!])--|', '-#', '->b|']), interval(3)).pipe(
          mergeMap(([row]) =>
            taskRunner(script('job', row))
              .start(ctx)
              .pipe(catchError(() => EMPTY)),
          ),
        ),
      finalize: () => timer(1),
    });
    const { recording } = await scenario({ run: () => [consumer], signals: '---------------T' });
    const signalAt = recording.events.findIndex(({ type }) => type === 'signal');
    for (const events of [recording.events, recording.events.slice(0, signalAt)]) {
      const { marbles } = await scenario(
        replay(stored({ ...recording, events }), { run: (recorded) => [recorded('consumer')] }),
      );
      expect(marbles)
        .to.match(/^consumer +\(\[>\)[- ]+a[- ]+b/m)
        .and.not.include('job');
    }
    const job = replay(stored(recording), { run: (recorded) => [recorded('consumer/job')] });
    // The failure of a run that a task has started is not one of the application.
    expect(job.onFailure).to.equal(undefined);
    expect((await scenario({ ...job, expect: '' })).marbles).to.match(/^job +>-+a.*\(!\]\)--\|$/m);
  });

  it('expects no runs that a task has started, also before it was ready, and none of their tasks', async () => {
    const starter = (execute: () => ObservableInput<unknown>) =>
      task('a', {
        initialize: (ctx) => ordered('job', script('part', '-|')).start(ctx),
        execute,
      });
    for (const [execute, options] of [
      [() => timer(2), { duration: 20 }],
      [() => timer(2), { signals: '---------T' }],
      [() => new Promise(() => undefined), { signals: '---------T', timeout: 5 }],
    ] as const) {
      const run = () => [ordered('g', starter(execute)), script('b', '')];
      const { recording, marbles } = await scenario({ run, ...options });
      expect(marbles).to.match(/^g\/a\/job\/part /m);
      expect(replay(stored(recording), { run: () => [] }).expect)
        .to.match(/^g +\[/m)
        .and.match(/^g\/a +\[/m)
        .and.match(/^b +>/m)
        .and.not.include('job');
    }
  });

  it('expects no runs of a task that has not ended, although another task was ready before it', async () => {
    const starter = task('a', (ctx) => ordered('job', script('part', '')).start(ctx));
    const { recording, marbles } = await scenario({ run: () => [script('b', ''), starter], duration: 5 });
    expect(marbles).to.match(/^a\/job\/part /m);
    expect(replay(stored(recording), { run: () => [] }).expect)
      .to.match(/^a +>/m)
      .and.not.include('job');
  });

  it('lets a task go on that was running when the recording ended, and a cancel interrupts it', async () => {
    const { recording } = await scenario({ run: () => [script('x', '[->a')], duration: 5 });
    const repeated = replay(stored(recording), { run: (task) => [task('x')] });
    await scenario({ ...repeated, duration: undefined, signals: '---------T', expect: 'x  [->a-----(!|)' });
  });

  it('lets a task run until its cancel if the recording has only an event that the outside world causes', async () => {
    const events = [{ type: 'option-failed', at: 0, task: 'x', runId: 1 }] as const;
    const repeated = replay({ version: 1, from: 0, dropped: 0, events }, { run: (task) => [task('x')] });
    await scenario({ ...repeated, duration: undefined, signals: '---T', expect: 'x  >--(!|)' });
  });

  it('lets a run end that had not failed, although its supervised task had: it had ended too often', async () => {
    const run = () => [supervise(script('x', '[->-|'), { restart: 'always', maxRestarts: 0 })];
    const { recording } = await scenario({ run, expect: 'x  [->-#' });
    await scenario({ ...replay(stored(recording), { run: (task) => [task('x')] }), expect: 'x  [->-|' });
  });

  it('stops at a failure from which the recorded application has recovered, if the replayed one cannot', async () => {
    const run = () => [supervise(ordered('g', script('a', ['--#', '-|'])), { backoff }), script('y', '')];
    const { recording } = await scenario({ run, signals: '-----------T' });
    const repeated = replay(stored(recording), { run: (task) => [ordered('g', task('g/a')), task('y')] });
    await scenario({ ...repeated, signals: '', expect: 'y  >-(!|)' });
  });

  it('begins with the first event, even if the recording began earlier', async () => {
    const clock = virtualClock(5000);
    const events$ = new Subject<AppEvent>();
    const recording = record(events$, { clock });
    clock.advance(70);
    void launch([script('x', '[->-#')], { observer: events$, scheduler: clock });
    clock.advance(10);
    const { recording: replayed, marbles } = await scenario(replay(stored(recording), { run: (task) => [task('x')] }));
    expect(replayed.from).to.equal(5070);
    expect(marbles).to.match(/^x +\[->-#$/m);
  });

  it('creates tasks for an application that differs from the recorded one', async () => {
    const run = () => [ordered('shop', script('db', '[-->---#]-|'), script('http', '[->(!])-|'))];
    const { recording } = await scenario({ run });
    const replayed = replay(stored(recording), {
      run: (task, { clock }) => {
        expect(clock.now()).to.equal(0);
        expect(String(task('shop/db'))).to.equal('db');
        expect(() => task('db')).to.throw(
          RangeError,
          'Expected `path` to be one of `shop`, `shop/db`, `shop/http`, got `',
        );
        return [supervise(task('shop/db'), { backoff, maxRestarts: 1 }), task('shop/http')];
      },
    });
    const { marbles } = await scenario({ ...replayed, expect: 'db  [-->---(#])-<--[-->---(#])-|' });
    expect(marbles).to.match(/^http +\[->/m);
  });

  it('accepts a recording without events', () => {
    const empty: Recording = { version: 1, from: 5, dropped: 0, events: [] };
    expect(replay(empty, { run: () => [] })).to.deep.include({ at: 5, duration: 0, expect: '' });
  });

  it('accepts a recorder', async () => {
    const clock = virtualClock();
    const recorder = record(orchestrate([script('x', '[->-|')], { scheduler: clock }), { clock });
    clock.advance(10);
    const { marbles } = await scenario(replay(recorder, { run: (task) => [task('x')] }));
    expect(marbles).to.match(/^x +\[->-\|$/m);
  });

  it('expects the recorded marbles, so an application with other marbles fails', async () => {
    const { recording } = await scenario({ run: () => [script('x', '[->-|')] });
    const replayed = replay(recording, { run: () => [script('x', '[-->-|')] });
    const error: unknown = await scenario({ ...replayed, tolerance: 0 }).catch((reason: unknown) => reason);
    expect(String(error)).to.include('first at 2 ms in x');
    await scenario(replayed);
  });

  it('does not expect what only the outside world causes', () => {
    const events = (['ready', 'missed', 'overdue', 'result-dropped', 'done'] as const).map(
      (type, at): RecordedEvent => ({ type, at, task: 'x', runId: 1 }),
    );
    const replayed = replay({ version: 1, from: 0, dropped: 0, events }, { run: (task) => [task('x')] });
    expect(replayed.expect?.trim()).to.equal('x  >---|');
  });

  it('rejects an invalid or incomplete recording', () => {
    const run = () => [];
    for (const wrong of [undefined, null, {}, { version: 2, events: [], dropped: 0 }, { version: 1, dropped: 0 }])
      expect(() => replay(wrong as never, { run })).to.throw(
        TypeError,
        'Expected `recording` to be a recording made by `record`, got',
      );
    const incomplete = { version: 1, from: 0, events: [], dropped: 3 } as const;
    expect(() => replay(incomplete, { run })).to.throw(
      TypeError,
      'Expected `recording` to be complete, without dropped events, got `3` (number)',
    );
  });

  it('rejects invalid options', () => {
    const recording = { version: 1, from: 0, events: [], dropped: 0 } as const;
    expect(() => replay(recording, { run: () => [], make: 1 } as never)).to.throw(TypeError, 'got `make`');
    expect(() => replay(recording, { run: 5 as never })).to.throw(
      TypeError,
      'Expected `run` to be a function, got `5` (number)',
    );
    for (const options of [{}, undefined])
      expect(() => replay(recording, options as never)).to.throw(
        TypeError,
        'Expected `run` to be a function, got undefined',
      );
    expect(() => replay(recording, null as never)).to.throw(
      TypeError,
      'Expected `options` of `replay` to be an object, got null',
    );
  });
});
