import { expect } from 'chai';
import { EMPTY } from 'rxjs';
import { cron, isTaskRunner, ordered, parallel, task, taskRunner, type SimpleTask } from '../../lib/index.js';
import { thrownBy } from '../helpers/collect.js';
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
      expect(thrownBy(() => taskRunner(value as never)).message).to.include(described);
    }
    expect(() => taskRunner({ execute: () => 1, finalize: 1 } as never)).to.throw(
      TypeError,
      'Expected `finalize` to be a function, got `1`',
    );
    expect(() => taskRunner({ execute: () => 1, grace: NaN })).to.throw(RangeError, 'Expected `grace`');
  });

  it('throws a TypeError for a method that is nearly named like a hook that the task lacks', () => {
    class Base {
      execute(): number {
        return 1;
      }
      finalise(): void {
        // It would never be called.
      }
    }
    class Derived extends Base {}
    for (const [value, unknown, known] of [
      [{ execute: () => 1, initialise: () => 1 }, 'initialise', 'initialize'],
      [{ execute: () => 1, Finalize: () => 1 }, 'Finalize', 'finalize'],
      [new Derived(), 'finalise', 'finalize'],
    ] satisfies [object, string, string][] as [SimpleTask, string, string][])
      for (const create of [() => taskRunner(value), () => cron(value, 10), () => ordered('app', value)])
        expect(create).to.throw(
          TypeError,
          `Expected a member of \`task\`, got \`${unknown}\`; did you mean \`${known}\`? ` +
            'Known members: `initialize`, `execute`, `finalize`',
        );
    expect(() => taskRunner({ exectue: () => 1 } as never)).to.throw(TypeError, 'did you mean `execute` by `exectue`?');
  });

  it('accepts other methods, and misspelled ones beside the hook itself', () => {
    for (const members of [
      { reinitialize: () => 1, uninitialize: () => 1, initialized: () => 1, finalizer: () => 1, vitalize: () => 1 },
      { initialise: 'not a method', init: () => 1, close: () => 1 },
      { finalise: () => 1, finalize: () => 1 },
    ])
      expect(String(taskRunner({ execute: () => 1, ...members, toString: () => 'x' }))).to.equal('x');
    const withGetter = Object.defineProperty({ execute: () => 1 }, 'finalise', {
      get() {
        throw new Error('Not to be read');
      },
    });
    expect(String(taskRunner(withGetter))).to.equal('anonymous');
  });

  it('reads each hook once, and keeps it whatever happens to the task', () => {
    const reads: string[] = [];
    const log: string[] = [];
    const members: Record<string, unknown> = {
      initialize: () => log.push('initialize'),
      execute: () => log.push('execute'),
      finalize: () => log.push('finalize'),
      grace: 5,
      startTimeout: 7,
    };
    const changing = {};
    for (const name of Object.keys(members))
      Object.defineProperty(changing, name, {
        configurable: true,
        get: () => {
          reads.push(name);
          return members[name];
        },
      });
    const runners = [taskRunner(changing as never), cron(changing as never, 10, { maxRuns: 1 })];
    for (const name of Object.keys(members)) {
      members[name] = NaN;
      Reflect.deleteProperty(changing, name);
    }
    for (const runner of runners) runner.start().subscribe();
    const once = ['execute', 'finalize', 'grace', 'initialize', 'startTimeout'];
    expect(reads.sort()).to.deep.equal([...once, ...once].sort());
    expect(log).to.deep.equal(['initialize', 'execute', 'finalize', 'initialize', 'execute', 'finalize']);
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
    const hints: readonly [create: () => unknown, hint: string][] = [
      [() => taskRunner(tasks as never), 'Make them one: parallel(name, ...tasks)'],
      [() => ordered('app', tasks as never), 'Give them as arguments: ordered(name, ...tasks)'],
      [
        () =>
          parallel(
            'app',
            task('b', () => 1),
            tasks as never,
          ),
        'Give them as arguments: parallel(name, ...tasks)',
      ],
    ];
    for (const [create, hint] of hints)
      expect(thrownBy(create))
        .to.be.instanceOf(TypeError)
        .with.property('message')
        .that.matches(/^Expected `task` to be a task.*, got an array with the task `a`\. /)
        .and.includes(hint);
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
