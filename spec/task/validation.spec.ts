import { expect } from 'chai';
import { EMPTY } from 'rxjs';
import { cron, isTaskRunner, ordered, task, taskRunner } from '../../lib/index.js';
import { loggingRunner } from './helpers.js';

describe('taskRunner', () => {
  it('throws a TypeError with the given value when it is not a task, or has no execute', () => {
    for (const [value, described] of [
      [undefined, 'undefined'],
      [null, 'null'],
      [1, '`1` (number)'],
      ['name', "`'name'` (string)"],
      [{ initialize: () => 1 }, '`{ initialize: [Function: initialize] }` (object)'],
      [() => 1, '(function)'],
    ]) {
      expect(() => taskRunner(value as never)).to.throw(
        TypeError,
        'Expected `task` to be a task with an `execute` function, got ',
      );
      expect(() => taskRunner(value as never)).to.throw(TypeError, described as string);
    }
    expect(() => taskRunner({ execute: () => 1, finalize: 1 } as never)).to.throw(
      TypeError,
      'Expected `finalize` to be a function, got `1`',
    );
    expect(() => taskRunner({ execute: () => 1, grace: NaN })).to.throw(RangeError, 'Expected `grace`');
  });

  it('throws a TypeError with a hint for a runner or a cron', () => {
    const poller = cron(
      task('poller', () => 1),
      100,
    );
    for (const create of [() => taskRunner(poller as never), () => cron(poller as never, 1000)])
      expect(create).to.throw(
        TypeError,
        'Expected `task` to be a task, got the runner `poller`. Give the task itself: supervise(cron(task, …))',
      );
  });

  it('throws a TypeError with a hint for an array of tasks', () => {
    const tasks = [task('a', () => 1)];
    for (const create of [() => taskRunner(tasks as never), () => ordered('app', tasks as never)])
      expect(create).to.throw(
        TypeError,
        /^Expected `task` to be a task.*got `\[.*\. Give them as arguments: ordered\(name, \.\.\.tasks\)$/,
      );
  });

  it("names the runner after its task, or else after the task's class", () => {
    class Poller {
      execute(): void {
        // Only the name of the class matters.
      }
    }
    expect(String(taskRunner(task('named', () => 1)))).to.equal('named');
    expect(String(taskRunner(new Poller()))).to.equal('Poller');
    expect(String(taskRunner({ execute: () => 1 }))).to.equal('anonymous');
    expect(
      String(
        taskRunner(
          new (class {
            execute(): void {
              // Only the missing name of the class matters.
            }
          })(),
        ),
      ),
    ).to.equal('anonymous');
    expect(String(taskRunner(Object.assign(Object.create(null) as object, { execute: () => 1 })))).to.equal(
      'anonymous',
    );
  });

  it('creates an idle runner, which calls no hook before it is subscribed', () => {
    const log: string[] = [];
    const runner = loggingRunner(log);
    const stream = runner.start();
    expect([log, runner.status]).to.deep.equal([[], 'idle']);
    stream.subscribe();
    expect([log, runner.status]).to.deep.equal([['initialize', 'execute', 'finalize'], 'done']);
  });

  it('creates a runner that isTaskRunner recognizes', () => {
    expect(isTaskRunner(taskRunner(task('x', () => 1)))).to.equal(true);
    const { done$, events$ } = taskRunner(task('x', () => 1));
    const none = [undefined, null, {}, task('x', () => 1), { start: () => 1 }, { start: 1, done$, events$ }, EMPTY];
    for (const other of none) expect(isTaskRunner(other)).to.equal(false);
  });

  it('creates a runner whose start throws a TypeError for an invalid context', () => {
    expect(() => taskRunner(task('x', () => 1)).start({} as never)).to.throw(
      TypeError,
      'Expected `ctx` to be a Context or an AbortSignal',
    );
  });
});
