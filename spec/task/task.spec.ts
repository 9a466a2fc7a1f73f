import { expect } from 'chai';
import { isSimpleTask, isTask, task, taskRunner, type RunContext } from '../../lib/index.js';
import { collect, thrownBy } from '../helpers/collect.js';

class Poller {
  #polls = 0;
  execute(): number {
    return ++this.#polls;
  }
}

class Connection {
  #state = 'created';
  state(): string {
    return this.#state;
  }
  initialize(): void {
    this.#state = 'open';
  }
  execute(): string {
    return this.#state;
  }
  finalize(): void {
    this.#state = 'closed';
  }
}

/** A definition with one hook. */
class Resource {
  #open = false;
  isOpen(): boolean {
    return this.#open;
  }
  initialize(): void {
    this.#open = true;
  }
}

describe('task', () => {
  it('creates a simple task from a name and a function', () => {
    const simple = task('poll', () => 1);
    expect(String(simple)).to.equal('poll');
    expect([isSimpleTask(simple), isTask(simple)]).to.deep.equal([true, false]);
  });

  it('creates a task from a name and some or all hooks', () => {
    const calls: unknown[] = [];
    const full = task('db', {
      initialize: (ctx) => calls.push(['initialize', ctx.task]),
      execute: (ctx: RunContext, cancel) => calls.push(['execute', ctx.task, typeof cancel]),
      finalize: () => calls.push('finalize'),
      grace: 5,
    });
    expect([String(full), isTask(full), full.grace]).to.deep.equal(['db', true, 5]);
    taskRunner(full).start().subscribe();
    expect(calls).to.deep.equal([['initialize', 'db'], ['execute', 'db', 'function'], 'finalize']);

    const bare = task('bare', { execute: () => 7 });
    expect(isTask(bare)).to.equal(true);
    expect(collect(taskRunner(bare).start())).to.deep.equal([7, 'complete']);
  });

  it('gives the hooks of an object literal a common `this`, which calls them', () => {
    const calls: unknown[] = [];
    const definition = {
      initialize(this: { opened?: number }) {
        this.opened = 1;
      },
      execute(this: { opened?: number; finalize(): void }) {
        calls.push(this.opened);
        this.finalize();
      },
      finalize: () => void calls.push('finalize'),
    };
    const tasks = [task('a', definition), task('b', definition)];
    // The hooks were read before.
    Reflect.deleteProperty(definition, 'finalize');
    for (const each of tasks) taskRunner(each).start().subscribe();
    expect(calls).to.deep.equal([1, 'finalize', 'finalize', 1, 'finalize', 'finalize']);
  });

  it('calls the hooks of an object as its methods', () => {
    expect(collect(taskRunner(task('poller', new Poller())).start())).to.deep.equal([1, 'complete']);
    const connection = new Connection();
    expect(collect(taskRunner(task('db', connection)).start())).to.deep.equal(['open', 'complete']);
    expect(connection.state()).to.equal('closed');
    const resource = new Resource();
    const running = taskRunner(task('resource', resource)).start().subscribe();
    expect(resource.isOpen()).to.equal(true);
    running.unsubscribe();
  });

  it('throws for a name that is not a string, a definition without a hook, and invalid hooks', () => {
    expect(() => task(1 as never, () => 1)).to.throw(TypeError, 'Expected `name` to be a string, got `1` (number)');
    for (const value of [{}, undefined, null, 1])
      expect(String(thrownBy(() => task('x', value as never)))).to.match(
        /^TypeError: Expected `work` to be a function, or an object with `initialize`, `execute` or `finalize`, got /,
      );
    expect(() => task('x', { execute: () => 1, initialize: 5 } as never)).to.throw(
      TypeError,
      'Expected `initialize` to be a function',
    );
    expect(() => task('x', { execute: () => 1, grace: -1 })).to.throw(RangeError, 'Expected `grace`');
    expect(() => task('x', { execute: () => 1, grace: '1' as never })).to.throw(TypeError, 'Expected `grace`');
    expect(() => task('x', { grace: 1 })).to.throw(TypeError, 'Expected `work` to be a function, or an object');
  });

  it('refuses an unknown member of a definition, with the name that was probably meant', () => {
    for (const [unknown, known] of [
      ['initialise', 'initialize'],
      ['Initialize', 'initialize'],
      ['intialize', 'initialize'],
      ['excecute', 'execute'],
      ['finalise', 'finalize'],
      ['fianlize', 'finalize'],
      ['graze', 'grace'],
      ['startTimeOut', 'startTimeout'],
    ] as const)
      expect(() => task('x', { execute: () => 1, [unknown]: () => 1 })).to.throw(
        TypeError,
        `Expected a member of \`definition\`, got \`${unknown}\`; did you mean \`${known}\`? ` +
          'Known members: `initialize`, `execute`, `finalize`, `grace`, `startTimeout`',
      );
    expect(() => task('x', { execute: () => 1, open: () => 1 } as never)).to.throw(TypeError, 'got `open`. Known');
  });

  it('refuses a misspelled method of a class that is given as a definition', () => {
    class Misspelled extends Poller {
      finalise(): void {
        // It would never be called.
      }
    }
    expect(() => task('x', new Misspelled())).to.throw(
      TypeError,
      'Expected a member of `definition`, got `finalise`; did you mean `finalize`? ' +
        'Known members: `initialize`, `execute`, `finalize`',
    );
  });

  it('reads each member of a definition once, and keeps it whatever happens to the definition', () => {
    const reads: string[] = [];
    const log: string[] = [];
    const members: Record<string, unknown> = {
      initialize: () => log.push('initialize'),
      execute: () => log.push('execute'),
      finalize: () => log.push('finalize'),
      grace: 5,
      startTimeout: 7,
    };
    const definition = {};
    for (const name of Object.keys(members))
      Object.defineProperty(definition, name, {
        enumerable: true,
        configurable: true,
        get: () => {
          reads.push(name);
          return members[name];
        },
      });
    const full = task('x', definition as never);
    for (const name of Object.keys(members)) {
      members[name] = NaN;
      Reflect.deleteProperty(definition, name);
    }
    taskRunner(full).start().subscribe();
    expect(reads).to.deep.equal(['initialize', 'execute', 'finalize', 'grace', 'startTimeout']);
    expect(log).to.deep.equal(['initialize', 'execute', 'finalize']);
  });

  it('takes undefined for each member but one hook', () => {
    const nothing = { initialize: undefined, finalize: undefined, grace: undefined, startTimeout: undefined };
    expect(collect(taskRunner(task('x', { ...nothing, execute: () => 1 })).start())).to.deep.equal([1, 'complete']);
  });
});

describe('isTask and isSimpleTask', () => {
  it('recognize a task by its hooks', () => {
    const full = { initialize: () => 1, execute: () => 1, finalize: () => 1 };
    expect([isTask(full), isSimpleTask(full)]).to.deep.equal([true, true]);
    expect([isTask(new Poller()), isSimpleTask(new Poller())]).to.deep.equal([false, true]);
    expect(isTask({ ...full, finalize: undefined })).to.equal(false);
    expect(isTask({ ...full, initialize: 1 })).to.equal(false);
    for (const other of [undefined, null, 1, 'execute', {}, { execute: 1 }, () => 1, []]) {
      expect(isSimpleTask(other)).to.equal(false);
      expect(isTask(other)).to.equal(false);
    }
  });
});
