import { expect } from 'chai';
import { of } from 'rxjs';
import * as tasks from 'rxjs-tasks';
import { background, cron, launch, nextRuns, ordered, parallel, supervise, task, taskRunner } from 'rxjs-tasks';
import { connectFleet } from 'rxjs-tasks/fleet';
import { httpServer } from 'rxjs-tasks/http';
import { scenario, toMarbles } from 'rxjs-tasks/testing';
import { thrownBy } from '../helpers/collect.js';
import { rejectionOf } from '../helpers/rejection.js';

/** The functions, as a program without types calls them. */
const untyped = tasks as unknown as Record<string, (...args: unknown[]) => unknown>;

describe('The message for a frequent mistake names what was given, and says what to write', () => {
  const a = task('a', () => 1);
  const b = task('b', () => 2);
  const runner = taskRunner(a);
  const noTask = 'Expected `task` to be a task with an `execute` function, got ';
  const mistakes: readonly [title: string, call: () => unknown, message: string][] = [
    ...['launch', 'runMain', 'orchestrate'].map((name): [string, () => unknown, string] => [
      `${name}(a, b)`,
      () => untyped[name]?.(a, b),
      'Expected `runnables` to be an array, got the task `a`. Give the tasks as an array: [a, b]',
    ]),
    // eslint-disable-next-line no-sparse-arrays
    ['launch([, a])', () => untyped['launch']?.([, a]), `${noTask}undefined`],
    ['launch([runner, runner])', () => launch([runner, runner]), 'distinct runners, got the runner `a` twice'],
    [
      'cron(schedule, work)',
      () => untyped['cron']?.('0 3 * * *', () => 1),
      "got `'0 3 * * *'` (string). Write task('name', work), or cron(task, schedule)",
    ],
    ['task(work)', () => untyped['task']?.(() => 1), "(function). Write task('name', work)"],
    ['httpServer(port, server)', () => httpServer(3000 as never, 3000), '(number). Write httpServer(server, port)'],
    ['launch([[[a]]])', () => untyped['launch']?.([[[a]]]), 'got `[ [Array] ]` (object)'],
    ['cron(() => 1, …)', () => untyped['cron']?.(() => 1, 1000), "(function). Give it a name: task('name', work)"],
    ['launch([() => 1])', () => untyped['launch']?.([() => 1]), "(function). Give it a name: task('name', work)"],
    [
      'launch([of(1)])',
      () => untyped['launch']?.([of(1)]),
      `${noTask}an Observable. Return it from a task: task('name', () => …)`,
    ],
    [
      'supervise(promise)',
      () => untyped['supervise']?.(Promise.resolve(1)),
      "got a promise. Return it from a task: task('name', () => …)",
    ],
    ['ordered(a, b)', () => untyped['ordered']?.(a, b), 'got the task `a`. Write ordered(name, ...tasks)'],
    [
      "ordered('app', [a, b])",
      () => ordered('app', [a, b] as never),
      'Give them as arguments: ordered(name, ...tasks)',
    ],
    ['parallel(a, b)', () => untyped['parallel']?.(a, b), 'got the task `a`. Write parallel(name, ...tasks)'],
    [
      "parallel('app', [a, b])",
      () => parallel('app', [a, b] as never),
      'Give them as arguments: parallel(name, ...tasks)',
    ],
    ['supervise([a, b])', () => untyped['supervise']?.([a, b]), 'Make them one: parallel(name, ...tasks)'],
    [
      'ordered([a, b])',
      () => untyped['ordered']?.([a, b]),
      'got an array with the task `a`. Write ordered(name, ...tasks)',
    ],
    [
      "task('a', of(1))",
      () => untyped['task']?.('a', of(1)),
      "`finalize`, got an Observable. Return it from a function: task('name', () => …)",
    ],
    [
      "task('a', promise)",
      () => untyped['task']?.('a', Promise.resolve(1)),
      "`finalize`, got a promise. Return it from a function: task('name', () => …)",
    ],
    [
      "task('a', work, { grace })",
      () => untyped['task']?.('a', () => 1, { grace: 5 }),
      'got `{ grace: 5 }` (object). Write task(name, { execute, grace })',
    ],
    ['critical(a, b)', () => untyped['critical']?.(a, b), 'an object with `of`, got the task `b`'],
    [
      "dynamic('x', a)",
      () => untyped['dynamic']?.('x', a),
      'an object with `onFailure`, `readiness`, got the task `a`',
    ],
    [
      'future(promise)',
      () => untyped['future']?.(Promise.resolve(1)),
      'got a promise. Return it from a function: future(() => …)',
    ],
    [
      'withCancel(new AbortController())',
      () => untyped['withCancel']?.(new AbortController()),
      'a Context or an AbortSignal, got `AbortController',
    ],
    ['runner.start(new AbortController())', () => runner.start(new AbortController() as never), '. Give its `signal`'],
    [
      'toMarbles(events)',
      () => toMarbles([] as never),
      'Expected `recording` to be a recording made by `record`, got `[]`',
    ],
    ['withTimeout(ctx, ms)', () => untyped['withTimeout']?.(background, 1000), 'a number of ms, got a Context'],
    ['joinAll(ctx, 0, [task])', () => untyped['joinAll']?.(background, 0, [a]), 'a TaskRunner, got the task `a`'],
    ['snapshot(app)', () => untyped['snapshot']?.(launch([a])), 'to be a TaskRunner, got an Application'],
    ['the 32nd day', () => cron(a, '0 0 32 * *'), "got `'0 0 32 * *'` (string): Invalid value for day: 32"],
    ['the day 0', () => cron(a, '0 0 0 * *'), 'Invalid value for day: 0'],
    ['the 13th month', () => cron(a, '0 0 1 13 *'), 'Invalid value for month: 13'],
    ['the hour 25', () => cron(a, '0 25 * * *'), 'Invalid value for hour: 25'],
    ['5s', () => cron(a, '5s'), 'a period is a number of ms, such as `300_000`'],
    ['the text of a number', () => cron(a, '5000'), 'a period is a number of ms, such as `300_000`'],
    ['@every 5m', () => cron(a, '@every 5m'), 'a period is a number of ms, such as `300_000`'],
  ];
  for (const [title, call, message] of mistakes)
    it(title, () => {
      expect(thrownBy(call).message).to.include(message);
    });

  const otherNames: readonly [call: (options: object) => unknown, names: Record<string, string>][] = [
    [
      (options) => cron(a, '@daily', options),
      {
        tz: 'did you mean `timezone`?',
        timeZone: 'did you mean `timezone`?',
        noOverlap: 'did you mean `overlap`?',
        protect: 'did you mean `overlap`?',
        catch: 'did you mean `onError`?',
        runOnInit: 'did you mean `immediate`?',
        maxExecutions: 'did you mean `maxRuns`?',
        maxRandomDelay: 'did you mean `jitter`?',
        missedExecutionTolerance: 'did you mean `tolerance`?',
        recoverMissedExecutions: 'did you mean `missed`?',
        distributed: 'did you mean `coordinator`?',
        runCoordinator: 'did you mean `coordinator`?',
        name: 'the task has the name.',
        paused: 'call `pause()` before the start.',
        scheduled: 'call `pause()` before the start.',
      },
    ],
    [(options) => nextRuns('@daily', 1, options), { tz: 'did you mean `timezone`?' }],
    [(options) => cron(a, '@daily').nextRuns(1, options), { tz: 'did you mean `timezone`?' }],
    [(options) => cron(a, '@daily').reschedule('@hourly', options), { tz: 'did you mean `timezone`?' }],
    [
      (options) => supervise(a, options),
      {
        retries: 'did you mean `maxRestarts`?',
        maxRetries: 'did you mean `maxRestarts`?',
        attempts: 'did you mean `maxRestarts`?',
        maxAttempts: 'did you mean `maxRestarts`?',
        delay: 'did you mean `backoff`?',
      },
    ],
    ...[launch, tasks.runMain].map((start): [(options: object) => unknown, Record<string, string>] => [
      (options) => start([a], options),
      {
        deadline: 'did you mean `timeout`?',
        gracePeriod: 'did you mean `timeout`?',
        shutdownTimeout: 'did you mean `timeout`?',
        onEvent: 'did you mean `observer`?',
        logger: 'did you mean `observer`?',
      },
    ]),
    [
      (definition) => task('a', definition),
      {
        run: 'did you mean `execute`?',
        init: 'did you mean `initialize`?',
        start: 'did you mean `initialize`?',
        setup: 'did you mean `initialize`?',
        stop: 'did you mean `finalize`?',
        close: 'did you mean `finalize`?',
        teardown: 'did you mean `finalize`?',
      },
    ],
  ];
  for (const [call, names] of otherNames)
    for (const [name, hint] of Object.entries(names))
      it(`${String(call)} with ${name}`, () => {
        expect(thrownBy(() => call({ [name]: 1 })).message).to.match(/^Expected an? (option|member) of `[a-zA-Z]+`, /);
        expect(thrownBy(() => call({ [name]: 1 })).message).to.include(`, got \`${name}\`; ${hint} Known `);
      });

  it('takes no name that every object has for one of another library', () => {
    const options = { ['toString']: 1, ['constructor']: 1 };
    expect(thrownBy(() => supervise(a, options as never)).message).to.include(', got `toString`. Known options: ');
  });

  it('accepts a definition with a method of a name such as `subscribe`', () => {
    class Consumer {
      subscribe(): void {
        // It is no Observable.
      }

      execute(): number {
        return 1;
      }
    }
    expect(String(task('consumer', new Consumer()))).to.equal('consumer');
  });

  it('scenario([a])', async () => {
    const error = await rejectionOf(scenario([a] as never));
    expect(error.message).to.match(
      /^Expected `scenario` to be an object with `run`, `at`, .*, got an array with the task `a`$/,
    );
  });

  it('connectFleet(url), without the URL', async () => {
    const error = await connectFleet('postgres://ann:secret@localhost/shop' as never).catch((error: unknown) => error);
    expect(String(error)).to.equal(
      'TypeError: Expected `options` to be an object such as `{ url }`, got a value of type string',
    );
  });
});
