import { expect } from 'chai';
import fc from 'fast-check';
import { Subject } from 'rxjs';
import sinon from 'sinon';
import {
  cron,
  launch,
  orchestrate,
  ordered,
  parallel,
  supervise,
  type AppEvent,
  type Runnable,
} from '../../lib/index.js';
import {
  virtualClock,
  record,
  replay,
  scenario,
  script,
  toMarbles,
  type Recording,
  type Scenario,
} from '../../lib/testing/index.js';
import type { RecordedEvent } from '../../lib/recording/recorded.js';
import { applicationOf, dramas, isTold } from '../helpers/applications.js';
import { settled } from '../helpers/tasks.js';

/** A recording as it is stored. */
function stored(recording: Recording): Recording {
  return JSON.parse(JSON.stringify(recording)) as Recording;
}

/** The marbles of a scenario, and those of its replay. */
async function twice(run: () => readonly Runnable[], scene: Partial<Scenario> = {}): Promise<[string, string]> {
  const { recording, marbles } = await scenario({ run, ...scene });
  return [marbles, (await scenario(replay(stored(recording)))).marbles];
}

const backoff = { initial: 3, factor: 2, jitter: 0 };

describe('replay', () => {
  const applications: Record<string, [run: () => readonly Runnable[], scene?: Partial<Scenario>]> = {
    'a task that ends': [() => [script('x', '[->-a-b]--|')]],
    'tasks that fail': [() => [script('x', '[->-(#])-|'), script('y', '[(#])-|'), script('z', '>-(!|)')]],
    'a failure, and others that go on': [() => [script('x', '-#'), script('y', '--a-|')], { onFailure: 'continue' }],
    'a failure, and a stop long after': [
      () => [script('x', '-#'), script('y', '')],
      { onFailure: 'continue', signals: '------T' },
    ],
    'a stop by hand': [
      () => [script('x', '[->(!])-|')],
      { during: ({ app, clock }) => void clock.schedule(() => void app.stop(), 7) },
    ],
    'a stop by hand after a failure': [
      () => [script('x', '-#'), script('y', '')],
      { onFailure: 'continue', during: ({ app, clock }) => void clock.schedule(() => void app.stop(), 7) },
    ],
    'a drain': [() => [script('x', '[->-!--]-|')], { signals: '----T', drainDelay: 4 }],
    'a drain by hand': [
      () => [script('x', '')],
      { drainDelay: 4, during: ({ app, clock }) => void clock.schedule(() => void app.stop(), 7) },
    ],
    'a drain that a failure cuts short': [
      () => [script('x', '------#'), script('y', '')],
      { signals: '----T', drainDelay: 50 },
    ],
    'a drain in which all ends': [() => [script('x', '------|')], { signals: '----T', drainDelay: 50 }],
    'a second signal': [() => [script('x', '>-! 1s |')], { signals: '--T---T' }],
    'tasks that hang': [
      () => [script('x', '>-?'), script('y', '[>-]--?'), script('z', '[?')],
      { signals: '----T', timeout: 5 },
    ],
    'a hook that fails, and one that hangs after it': [
      () => [script('x', '[--(#])?'), script('y', '')],
      { signals: '----T', timeout: 5 },
    ],
    'an ordered group': [
      () => [ordered('g', script('a', '[->(!])-|'), script('b', '[-->(!])--|'))],
      { signals: '---------T' },
    ],
    'an ordered group whose members start at once': [
      () => [ordered('g', script('a', '(!])-|'), script('b', '-|'), script('c', '(!])--|'))],
      { signals: '---T' },
    ],
    'an ordered group that hangs as it stops': [
      () => [ordered('g', script('a', ''), script('b', '(!])--?'))],
      { signals: '---T', timeout: 5 },
    ],
    'an ordered group of which one failed while another started': [
      () => [ordered('g', script('a', '-(#])--|'), script('b', '(!])-|'), script('c', '[-----(#])-|'))],
      { onFailure: 'continue' },
    ],
    'a parallel group': [
      () => [parallel('g', script('a', '[->(!])-|'), script('b', '[-->(!])--|'))],
      { signals: '---------T' },
    ],
    'groups in groups': [
      () => [ordered('g', script('a', '[->'), parallel('h', script('b', '--#'), ordered('i', script('c', '[->'))))],
    ],
    restarts: [() => [supervise(script('x', ['[->-(#])-|', '[-(#])|', '[->a|']), { backoff })]],
    'restarts with jitter': [
      () => {
        const chances = [0.1, 0.9, 0.5];
        const random = () => chances.shift() ?? 0;
        return [supervise(script('x', ['-#', '-#', '-#', '-|']), { backoff: { ...backoff, jitter: 1, random } })];
      },
    ],
    'restarts whatever ends, until there were too many': [
      () => [supervise(script('x', '[->-|'), { restart: 'always', backoff, maxRestarts: 2 })],
    ],
    'no restart at all': [() => [supervise(script('x', '[->-#'), { maxRestarts: 0 }), script('y', '')]],
    'a stop between two lives': [() => [supervise(script('x', '-#'), { backoff })], { signals: '---T' }],
    'a stop of one that would have been restarted': [
      () => [supervise(script('x', '[->-]-----|'), { backoff, restart: 'always' })],
      { signals: '------T' },
    ],
    'a supervised group': [
      () => [supervise(ordered('g', script('a', ['--#', '-|']), script('b', '[->')), { backoff })],
      { signals: '-----------T' },
    ],
    'a cron': [() => [cron(script('x', ['[->a|', '-b|', '#', '|']), 4, { maxRuns: 4 })]],
    'a cron that a failed run ends': [() => [cron(script('x', ['[->-a]-|', '>-#']), 3, { onError: 'stop' })]],
    'a cron that is stopped': [() => [cron(script('x', '[->--b-(!])-|'), 3)], { signals: '-----------T' }],
    'a cron whose run takes its time to obey': [() => [cron(script('x', '-a-!---]-|'), 20)], { signals: '----T' }],
    'a cron whose last run takes its time': [() => [cron(script('x', '[--->---]-|'), 10, { maxRuns: 2 })]],
    'a cron that hangs': [() => [cron(script('x', '-a-?'), 20)], { signals: '----T', timeout: 5 }],
    'a cron that hangs as it ends': [
      () => [cron(script('x', '-a-]?'), 20, { maxRuns: 1 })],
      { signals: '-----T', timeout: 5 },
    ],
    'a cron of the calendar': [
      () => [cron(script('x', '|'), '30 2 * * *', { timezone: 'Europe/Berlin', maxRuns: 2 })],
      { at: '2026-03-29T00:59:00Z' },
    ],
    'what goes on': [() => [script('x', '[->a--b'), cron(script('c', '|'), 5), script('y', '-!-?')], { duration: 23 }],
    'what goes on as it stops': [() => [script('x', '(!])?'), script('y', '-#'), script('z', '-?')], { duration: 23 }],
    'a name with a slash': [() => [script('a/b', '-|'), parallel('g', script('c/d', '--|'))]],
    nothing: [() => []],
  };

  for (const [name, [run, scene]] of Object.entries(applications))
    it(`does again what was recorded: ${name}`, async () => {
      const [marbles, again] = await twice(run, scene);
      expect(again).to.equal(marbles);
    });

  it('does again whatever applications do', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(dramas, async ({ plans, scene }) => {
        const { recording, marbles } = await scenario({ run: () => applicationOf(plans), ...scene });
        fc.pre(isTold(recording));
        const again = await scenario(replay(stored(recording)));
        expect(again.marbles).to.equal(marbles);
        expect(stored(again.recording).events.map(({ type, task }) => `${task} ${type}`)).to.have.members(
          stored(recording).events.map(({ type, task }) => `${task} ${type}`),
        );
      }),
      { numRuns: 400, seed: 20_261_124, endOnFailure: true },
    );
  });

  it('does again what was recorded of a process', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(dramas, fc.nat(20), async ({ plans, scene }, before) => {
        const clock = sinon.useFakeTimers({
          toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'],
          now: 1e12,
        });
        let recording: Recording;
        try {
          const events$ = new Subject<AppEvent>();
          recording = record(events$);
          clock.tick(before);
          const { timeout, drainDelay, onFailure, signals } = scene;
          const app = launch(applicationOf(plans), {
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
        fc.pre(isTold(recording));
        const scenes = replay(recording);
        const { from, events } = recording;
        const again = await scenario(scenes);
        const trimmed = { ...recording, from: events[0]?.at ?? from };
        // The values of a task are in no event, nor is whether all were ready.
        const rows = (marbles: string) => marbles.split('\n').filter((line) => !line.startsWith('readiness'));
        expect(
          rows(
            toMarbles({
              ...again.recording,
              events: again.recording.events.filter(({ type }) => type !== 'value' && type !== 'readiness'),
            }),
          ),
        ).to.deep.equal(rows(toMarbles(trimmed)));
      }),
      { numRuns: 100, seed: 20_261_124, endOnFailure: true },
    );
  });

  it('begins with the first event, however long it was listened before that', async () => {
    const clock = virtualClock(5000);
    const events$ = new Subject<AppEvent>();
    const recording = record(events$, { clock });
    clock.advance(70);
    void launch([script('x', '[->-#')], { observer: events$, scheduler: clock });
    clock.advance(10);
    const again = await scenario(replay(stored(recording)));
    expect(again.recording.from).to.equal(5070);
    expect(again.marbles).to.match(/^x +\[->-#$/m);
  });

  it('makes tasks for an application of one’s own', async () => {
    const run = () => [ordered('shop', script('db', '[-->---#]-|'), script('http', '[->(!])-|'))];
    const { recording } = await scenario({ run });
    const scene = replay(stored(recording), {
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
    const { marbles } = await scenario({ ...scene, expect: 'db  [-->---(#])-<--[-->---(#])-|' });
    expect(marbles).to.match(/^http +\[->/m);
  });

  it('takes a recorder as it is', async () => {
    const clock = virtualClock();
    const recorder = record(orchestrate([script('x', '[->-|')], { scheduler: clock }), { clock });
    clock.advance(10);
    const { marbles } = await scenario(replay(recorder));
    expect(marbles).to.match(/^x +\[->-\|$/m);
  });

  it('expects the marbles of the recording, so that another application fails it', async () => {
    const { recording } = await scenario({ run: () => [script('x', '[->-|')] });
    const scene = replay(recording, { run: () => [script('x', '[-->-|')] });
    const error: unknown = await scenario({ ...scene, tolerance: 0 }).catch((reason: unknown) => reason);
    expect(String(error)).to.include('first at 2 ms in x');
    await scenario(scene);
  });

  it('does not expect again what only the world outside can bring about', () => {
    const events = (['ready', 'missed', 'overdue', 'result-dropped', 'done'] as const).map(
      (type, place): RecordedEvent => ({
        type,
        at: place,
        task: 'x',
        runId: 1,
      }),
    );
    expect(replay({ version: 1, from: 0, dropped: 0, events }).expect?.trim()).to.equal('x  >---|');
  });

  it('refuses what is no recording, or not a whole one', () => {
    for (const wrong of [undefined, null, {}, { version: 2, events: [], dropped: 0 }, { version: 1, dropped: 0 }])
      expect(() => replay(wrong as never)).to.throw(
        TypeError,
        'Expected `recording` to be what `record` has made, got',
      );
    const cut = { version: 1, from: 0, events: [], dropped: 3 } as const;
    expect(() => replay(cut)).to.throw(
      TypeError,
      'Expected `recording` to be whole, without events dropped from its start',
    );
    const whole = { ...cut, dropped: 0 };
    expect(() => replay(whole, { make: 1 } as never)).to.throw(TypeError, 'got `make` (unknown)');
    expect(() => replay(whole, { run: 5 as never })).to.throw(TypeError, 'Expected `run` to be a function');
  });
});
