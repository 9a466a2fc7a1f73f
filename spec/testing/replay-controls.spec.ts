import { expect } from 'chai';
import fc from 'fast-check';
import { cron, dynamic, optional, ordered, supervise, type Runnable, type SimpleTask } from '../../lib/index.js';
import {
  explore,
  marks,
  replay,
  scenario,
  script,
  toMarbles,
  type Mark,
  type RecordedEvent,
  type Recording,
  type Scenario,
  type ScenarioContext,
} from '../../lib/testing/index.js';
import { stored } from '../helpers/recordings.js';
import { scaledRuns } from '../helpers/scaled-runs.js';

/** Creates the next task of a path: from marbles, or from a recording. */
type NextTask = (path: string, row: string) => SimpleTask;

/** Creates an application, and calls its controls by the clock. */
type Application = (task: NextTask, context: ScenarioContext) => readonly Runnable[];

const fromMarbles: NextTask = (path, row) => script(path.slice(path.lastIndexOf('/') + 1), row);

/** Returns the marbles of a scenario, those that its replay expects, and those of its replay. */
async function recordedAndReplayed(
  run: Application,
  options: Partial<Scenario>,
): Promise<[recorded: string, expected: string | undefined, replayed: string]> {
  const { recording, marbles } = await scenario({ run: (context) => run(fromMarbles, context), ...options });
  const repeated = replay(stored(recording), { run });
  return [marbles, repeated.expect, (await scenario({ ...repeated, tolerance: 0 })).marbles];
}

/** Returns a recording of a task `x` with some events, one each ms. */
function recordingOf(...types: RecordedEvent['type'][]): Recording {
  const events = types.map((type, at): RecordedEvent => ({ type, at, task: 'x', runId: 1, key: 'y', slot: at }));
  return { version: 1, from: 0, events, dropped: 0 };
}

/** The event of each mark, unless the scripts of a task repeat the mark. A new mark must be added here. */
const eventsOf: Readonly<Record<Mark, RecordedEvent['type'] | 'repeated'>> = {
  '[': 'repeated',
  '>': 'repeated',
  '+': 'repeated',
  '/': 'skipped',
  '%': 'missed',
  ':': 'overdue',
  '*': 'repeated',
  // The application emits it.
  '~': 'repeated',
  '!': 'repeated',
  '#': 'repeated',
  ']': 'repeated',
  '<': 'repeated',
  "'": 'result-dropped',
  '}': 'teardown-failed',
  '=': 'option-failed',
  $: 'future-failed',
  '{': 'added',
  ';': 'removed',
  '^': 'triggered',
  ',': 'paused',
  '&': 'resumed',
  '@': 'rescheduled',
  '"': 'restart-requested',
  '`': 'operated',
  '|': 'repeated',
  '?': 'repeated',
};

describe('replay of controls', () => {
  it('has a spec for each mark, so that no new mark is forgotten', () => {
    expect(Object.keys(eventsOf)).to.have.members(Object.keys(marks));
  });

  for (const [mark, type] of Object.entries(eventsOf)) {
    if (type === 'repeated') continue;

    it(`makes the script of a task without \`${mark}\``, async () => {
      const recording = recordingOf('initializing', 'ready', type, 'cancelling', 'finalizing', type, 'done');
      expect(toMarbles(recording)).to.include(mark);
      const replayed = replay(recording, { run: (task) => [task('x')] });
      await scenario({ ...replayed, signals: '---T', expect: 'x  [>-!]-|', tolerance: 0 });
    });

    it(`makes the scripts of a cron without \`${mark}\``, async () => {
      const recording = recordingOf('ready', 'slot-started', type, 'slot-failed', type, 'slot-started', type);
      const replayed = replay(recording, { run: (task) => [cron(task('x'), 5, { immediate: false })] });
      await scenario({ ...replayed, duration: 12, expect: 'x  >----+-*--+', tolerance: 0 });
    });
  }

  const applications: Record<string, [marks: string, run: Application, options: Partial<Scenario>]> = {
    'a cron that is triggered': [
      '^',
      (task, { clock }) => {
        const report = cron(task('report', '--(r|)'), 20, { immediate: false });
        clock.schedule(() => void report.trigger(), 5);
        return [report];
      },
      { duration: 60 },
    ],
    'a cron that is triggered during a run': [
      '^/',
      (task, { clock }) => {
        const report = cron(task('report', '6ms |'), 20);
        clock.schedule(() => void report.trigger(), 5);
        return [report];
      },
      { signals: '30ms T' },
    ],
    'a cron that is triggered, paused and resumed': [
      '^*,&%',
      (task, { clock }) => {
        const report = cron(task('report', '--(r#)'), 10, { immediate: false });
        clock.schedule(() => report.pause(), 15);
        clock.schedule(() => void report.trigger(), 23);
        clock.schedule(() => report.resume(), 42);
        return [report];
      },
      { signals: '75ms T' },
    ],
    'a cron that is paused before its first slot and stopped': [
      ',',
      (task, { clock }) => {
        const report = cron(task('report', '[->--(r])--|'), 20, { immediate: false });
        clock.schedule(() => report.pause(), 5);
        return [report];
      },
      { signals: '75ms T' },
    ],
    'a cron that starts paused': [
      ',',
      (task) => {
        const report = cron(task('shop/report', '-|'), 20);
        report.pause();
        return [ordered('shop', report)];
      },
      { signals: '50ms T' },
    ],
    'a cron that is rescheduled': [
      '@',
      (task, { clock }) => {
        const report = cron(task('shop/report', '[->--(r])--|'), 20, { immediate: false });
        clock.schedule(() => report.reschedule(7), 30);
        return [ordered('shop', report)];
      },
      { signals: '75ms T' },
    ],
    'a group to which members are added': [
      '{<',
      (task, { clock }) => {
        const tenants = dynamic('tenants');
        tenants.add('a', task('tenants/a', '[-->--a-(!])-|'));
        clock.schedule(() => tenants.add('b', supervise(task('tenants/b', '[->--#'), { maxRestarts: 1 })), 9);
        return [tenants];
      },
      { signals: '2s T' },
    ],
    'a group from which members are removed': [
      '{;',
      (task, { clock }) => {
        const tenants = dynamic('tenants');
        tenants.add('a', task('tenants/a', '[-->--a-(!])-|'));
        tenants.add('b', task('tenants/b', '[->--a|'));
        clock.schedule(() => void tenants.remove('a'), 9);
        return [optional(tenants)];
      },
      { signals: '30ms T' },
    ],
    'a group whose members are replaced': [
      '{;',
      (task, { clock }) => {
        const tenants = dynamic('tenants');
        tenants.add('a', task('tenants/a', '[-->--a-(!])-|'));
        clock.schedule(() => void tenants.replace('a', task('tenants/a', '>b----c')), 9);
        clock.schedule(() => void tenants.replace('a', ordered('a', task('tenants/a/db', '[->--(!])-|'))), 22);
        clock.schedule(() => void tenants.replace('a', ordered('a', task('tenants/a/db', '>d(!])--|'))), 39);
        return [tenants];
      },
      { duration: 60 },
    ],
    'a group with a replaced member that hangs': [
      '{?',
      (task, { clock }) => {
        const tenants = dynamic('tenants');
        tenants.add('a', task('tenants/a', '[->--(!])-|'));
        clock.schedule(() => void tenants.replace('a', task('tenants/a', '>-!--?')), 9);
        return [tenants];
      },
      { signals: '30ms T', timeout: 5 },
    ],
    'a group with a cron that is removed': [
      '{^;',
      (task, { clock }) => {
        const jobs = dynamic('jobs');
        const report = cron(task('shop/jobs/report', '--(r|)'), 10, { immediate: false });
        jobs.add('report', report);
        clock.schedule(() => void report.trigger(), 5);
        clock.schedule(() => void jobs.remove('report'), 33);
        return [ordered('shop', jobs)];
      },
      { signals: '60ms T' },
    ],
  };

  for (const [name, [ownMarks, run, options]] of Object.entries(applications))
    it(`repeats a recording of ${name}, when \`run\` calls the same controls`, async () => {
      const [recorded, expected, replayed] = await recordedAndReplayed(run, options);
      for (const mark of ownMarks) expect(recorded).to.include(mark);
      expect([expected, replayed]).to.deep.equal([recorded, recorded]);
    });

  it('repeats recordings of a cron that is controlled at random times', async () => {
    const controls = fc.array(
      fc.record({
        after: fc.nat(15),
        control: fc.constantFrom('trigger' as const, 'pause' as const, 'resume' as const, 'reschedule' as const),
        period: fc.integer({ min: 3, max: 25 }),
      }),
      { maxLength: 8 },
    );
    // The last value shows when a run ends.
    const row = fc.constantFrom('(a|)', '--(a|)', '--a-(b#)', '[->--(a])--|');
    await fc.assert(
      fc.asyncProperty(controls, row, fc.boolean(), async (calls, marbles, stops) => {
        const run: Application = (task, { clock }) => {
          const report = cron(task('report', marbles), 20, { immediate: false });
          let at = 5;
          for (const { after, control, period } of calls)
            clock.schedule(
              () => {
                if (control === 'trigger') report.trigger().catch(() => undefined);
                else if (control === 'reschedule') report.reschedule(period);
                else report[control]();
              },
              (at += after),
            );
          return [report];
        };
        const [recorded, , replayed] = await recordedAndReplayed(run, stops ? { signals: '80ms T' } : { duration: 80 });
        expect(replayed).to.equal(recorded);
      }),
      { numRuns: scaledRuns(50), seed: 20_261_129, endOnFailure: true },
    );
  });

  it('repeats recordings of a group whose members are replaced and removed at random times', async () => {
    const controls = fc.array(
      fc.record({
        key: fc.constantFrom('a', 'b'),
        row: fc.option(fc.constantFrom('[->a', '>a--b-(!])--|', '[--->--(!])-|', '--#', '-a-|')),
      }),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(controls, fc.boolean(), async (calls, stops) => {
        const run: Application = (task, { clock }) => {
          const tenants = dynamic('tenants');
          for (const [index, { key, row }] of calls.entries())
            clock.schedule(
              () => void (row === null ? tenants.remove(key) : tenants.replace(key, task(`tenants/${key}`, row))),
              7 * index + 3,
            );
          return [tenants];
        };
        const [recorded, , replayed] = await recordedAndReplayed(run, stops ? { signals: '80ms T' } : { duration: 80 });
        expect(replayed).to.equal(recorded);
      }),
      { numRuns: scaledRuns(50), seed: 20_261_129, endOnFailure: true },
    );
  });

  it('creates the members of a path in their recorded order, for each run of the scenario', async () => {
    const run: Application = (task, { clock }) => {
      const tenants = dynamic('tenants');
      tenants.add('a', task('tenants/a', '-a'));
      for (const [at, row] of [
        [5, '-b'],
        [9, '-c'],
      ] as const)
        clock.schedule(() => void tenants.replace('a', task('tenants/a', row)), at);
      return [tenants];
    };
    const { recording } = await scenario({ run: (context) => run(fromMarbles, context), duration: 20 });
    const replayed = replay(stored(recording), { run });
    await scenario(replayed);
    await scenario(replayed);
    await explore(replayed, { runs: 3 });
    const again = replay(stored(recording), {
      run: (task) => [1, 2, 3, 4].map((name) => ordered(String(name), task('tenants/a'))),
    });
    await scenario({ ...again, expect: '1/a  >a\n2/a  >b\n3/a  >c\n4/a  >c', duration: 20 });
  });

  it('expects the recorded controls, so an application that does not repeat them fails', async () => {
    const { recording } = await scenario({
      run: (context) => applications['a cron that is triggered']?.[1](fromMarbles, context) ?? [],
      duration: 60,
    });
    const replayed = replay(stored(recording), { run: (task) => [cron(task('report'), 20, { immediate: false })] });
    const error: unknown = await scenario(replayed).catch((reason: unknown) => reason);
    expect(String(error)).to.include('first at 5 ms in report').and.to.include('^ a run is triggered');
    // The first slot does what the triggered one did.
    await scenario({ ...replayed, expect: 'report  > 19ms +-r 17ms +-r 17ms +' });
  });

  it('expects the members of a dynamic group, also when the recording contains its end', async () => {
    const run: Application = (task) => {
      const tenants = dynamic('tenants');
      tenants.add('a', ordered('a', task('tenants/a/db', '[->--(!])-|')));
      return [tenants];
    };
    for (const options of [{ duration: 20 }, { signals: '--------T' }]) {
      const { recording } = await scenario({ run: (context) => run(fromMarbles, context), ...options });
      const replayed = replay(stored(recording), { run });
      expect(replayed.expect)
        .to.match(/^tenants +\(\[>\{\)/m)
        .and.match(/^tenants\/a\/db +\[ *->/m);
      await scenario(replayed);
      const error: unknown = await scenario({ ...replayed, run: () => [dynamic('tenants')] }).catch(
        (reason: unknown) => reason,
      );
      expect(String(error)).to.include('tenants/a/db');
    }
  });

  it('expects slots that were missed during a pause, and no others', () => {
    const { events } = recordingOf('ready', 'missed', 'paused', 'resumed', 'missed');
    const replayed = replay(
      {
        version: 1,
        from: 0,
        dropped: 0,
        events: events.map((event) => (event.at === 4 ? { ...event, reason: 'paused' } : event)),
      },
      { run: (task) => [task('x')] },
    );
    expect(replayed.expect?.trim()).to.equal('x  >-,&%');
  });
});
