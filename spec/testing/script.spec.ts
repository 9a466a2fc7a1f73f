import { expect } from 'chai';
import { TestScheduler } from 'rxjs/testing';
import { cron, supervise, TaskError, taskRunner, withCancel } from '../../lib/index.js';
import { virtualClock, scenario, script, type Scenario, type ScriptOptions } from '../../lib/testing/index.js';
import { parseRow } from '../../lib/testing/marbles.js';
import { parseTaskScript } from '../../lib/testing/task-script.js';
import { collect, thrownBy } from '../helpers/collect.js';
import { outcomeOf } from '../helpers/tasks.js';

/** Returns the row of a task with these marbles. */
async function rowFor(rows: string | readonly string[], options: Partial<Scenario> = {}): Promise<string> {
  const { marbles } = await scenario({ run: () => [script('x', rows)], ...options });
  return rowOf(marbles);
}

function rowOf(marbles: string): string {
  const line = marbles.split('\n').find((each) => each.startsWith('x ')) ?? expect.fail(`There is no x in ${marbles}`);
  return line.slice(1).trim();
}

/** Returns what a task yields, and how it ends. */
function outputOf(marbles: string, options?: ScriptOptions<unknown>): unknown[] {
  const clock = virtualClock();
  const [ctx] = withCancel(undefined, { scheduler: clock });
  const output = collect(taskRunner(script('x', marbles, options)).start(ctx));
  clock.advance(100);
  return output;
}

describe('script', () => {
  describe('with marbles', () => {
    it('does what the marbles show', async () => {
      const rows = '>-a-b| (>a|) >--# (>#) [-->a--b-]--| [->--(#])-| [--(#])| [>--]-# [>-| [-->(ab)-c|'.split(' ');
      for (const row of rows) expect(await rowFor(row)).to.equal(row);
    });

    it('fails in `initialize` if it finalizes without `>`', async () => {
      expect(await rowFor('[--]-|')).to.equal('[--(#])-|');
    });

    it('is ready immediately without a `[`', async () => {
      expect(await rowFor('-a-b|')).to.equal('>a-b|');
      expect(await rowFor('a|')).to.equal('(>a)|');
      expect(await rowFor('|')).to.equal('(>|)');
      expect(await rowFor('#')).to.equal('(>#)');
    });

    it('does what the marbles show after `!` when it is cancelled', async () => {
      const rows = {
        '>--(!|)': '---T',
        '[->-!--]-|': '----T',
        '[-(!])-|': '--T',
        '[--!-]-|': '---T',
        '>-!a-b|': '--T',
        '>-!a-#': '--T',
        '[-!-(#])-|': '--T',
        '[>--(!#])-|': '----T',
        '[->-!-|': '----T',
      };
      for (const [row, signals] of Object.entries(rows)) expect(await rowFor(row, { signals }), row).to.equal(row);
    });

    it('is interrupted by a cancel for which the marbles show nothing', async () => {
      expect(await rowFor('[->a', { signals: '-----T' })).to.equal('[->a-(!|)');
      expect(await rowFor('[--', { signals: '-T' })).to.equal('[(!|)');
      expect(await rowFor('>-a-b-|', { signals: '--T' })).to.equal('>-(!|)');
      expect(await rowFor('[-->--]--|', { signals: '-T' })).to.equal('[(!])--|');
      expect(await rowFor('>-(!|)', { signals: '-----T' })).to.equal('>----(!|)');
    });

    it('ends after a cancel as late as the marbles show, counted from the cancel', async () => {
      expect(await rowFor('>-!--|', { signals: '------T' })).to.equal('>-----!--|');
      expect(await rowFor('[!-]--|', { signals: '---T' })).to.equal('[--!-]--|');
      // Without a `|` it ends with its last value.
      expect(await rowFor('>-!--a', { signals: '--T' })).to.equal('>-!--(a|)');
      // A value that is due after the cancel is not emitted.
      expect(await rowFor('>--a-!b--|', { signals: '--T' })).to.equal('>-!b--|');
    });

    it('interrupts a hook without a `!`, even if another hook ends late', async () => {
      expect(await rowFor('[-->-!--]|', { signals: '-T' })).to.equal('[(!])|');
      expect(await rowFor('[-->-!--]|', { signals: '----T' })).to.equal('[-->!--]|');
      // A hook that has ended by itself cannot be cancelled.
      expect(await rowFor(['>-|', '>-!--|'])).to.equal('>-|');
    });

    it('finalizes as long as the marbles show, even after a cancel', async () => {
      expect(await rowFor('[->-]----|', { signals: '------T' })).to.equal('[->-]----|');
    });

    it('never ends where the marbles show `?`', async () => {
      const timeout = 5;
      expect(await rowFor('>-?', { signals: '--T', timeout })).to.equal('>-!----?');
      expect(await rowFor('[>-]--?', { signals: '---T', timeout })).to.equal('[>-(!])----?');
      expect(await rowFor('[>--!-?', { signals: '---T', timeout })).to.equal('[>-!----?');
      expect(await rowFor('[-?', { signals: '---T', timeout })).to.equal('[--!----?');
    });

    it('has only the hooks that the marbles show', () => {
      const hooks = (marbles: string) => {
        const scripted = script('x', marbles);
        return ['initialize', 'execute', 'finalize', 'grace'].filter((hook) => hook in scripted).join(' ');
      };
      expect(['', '-a|', '>-|', '[->', '-]-|', '[->-]|', '-!-|', '-(!|)'].map(hooks)).to.deep.equal([
        'execute',
        'execute',
        'execute',
        'initialize execute',
        'execute finalize',
        'initialize execute finalize',
        'execute grace',
        'execute',
      ]);
      expect(String(script('x', ''))).to.equal('x');
    });

    it('uses one row for each run, and the last row for all further runs', async () => {
      const backoff = { initial: 2, factor: 1, jitter: 0 };
      const restarted = (...rows: string[]) =>
        scenario({ run: () => [supervise(script('x', rows), { backoff })], duration: 50 }).then(({ marbles }) =>
          rowOf(marbles),
        );
      expect(await restarted('a#', 'b#', 'c|')).to.equal('(>a)(#<)-(>b)(#<)-(>c)|');
      expect(await restarted('[->-(#])-|', '[(#])-|', '[->-]|')).to.equal('[->-(#])-(<[)(#])-(<[)->-]|');
      expect(await rowFor(['-|', '-a|'])).to.equal('>|');
    });

    it('ends late after a cancel in the runs whose rows show that, whatever the other rows show', async () => {
      const run = () => [supervise(script('x', ['-#', '>-!--|']), { backoff: { initial: 2, jitter: 0 } })];
      const { marbles } = await scenario({ run, signals: '-----T' });
      expect(rowOf(marbles)).to.equal('>(#<)->-!--|');
    });

    it('uses one row for each slot of a cron, which initializes and finalizes once', async () => {
      const run = () => [cron(script('x', ['[->a|', '-b|', '#']), 4, { maxRuns: 4 })];
      const { marbles } = await scenario({ run });
      expect(rowOf(marbles)).to.equal('[-(>+)a--+b--(+*)---(+*|)');
    });

    it('yields any given values, and letters without a value as themselves', () => {
      const values = { a: { rows: 1 }, b: undefined, c: null, d: 0, e: '' };
      expect(outputOf('abcdef0|', { values })).to.deep.equal([
        { rows: 1 },
        undefined,
        null,
        0,
        '',
        'f',
        '0',
        'complete',
      ]);
    });

    it('fails with any given error, or with one that names task and hook', () => {
      const cause = (marbles: string, options?: ScriptOptions<unknown>) => {
        const [error] = outputOf(marbles, options);
        expect(error).to.be.instanceOf(TaskError);
        return (error as TaskError).cause;
      };
      const boom = new Error('boom');
      expect(cause('#', { error: boom })).to.equal(boom);
      expect(cause('#', { error: null })).to.equal(null);
      expect(cause('#', { error: undefined })).to.equal(undefined);
      expect([cause('#'), cause('[#'), cause('[>]#')].map((error) => (error as Error).message)).to.deep.equal([
        'x was to fail in execute',
        'x was to fail in initialize',
        'x was to fail in finalize',
      ]);
    });

    it('uses the scheduler of its context', () => {
      new TestScheduler((actual, expected) => {
        expect(actual).to.deep.equal(expected);
      }).run(({ expectObservable }) => {
        expectObservable(taskRunner(script('x', '[-->a-b-]--|')).start()).toBe('----a-b----|');
      });
      const clock = virtualClock();
      const [ctx] = withCancel(undefined, { scheduler: clock });
      const output = collect(taskRunner(script('x', '-a 1d b|')).start(ctx));
      clock.advance(86_400_001);
      expect(output).to.deep.equal(['a']);
      clock.advance(2);
      expect(output).to.deep.equal(['a', 'b', 'complete']);
    });

    it('leaves no timer when it is unsubscribed', () => {
      const clock = virtualClock();
      const [ctx] = withCancel(undefined, { scheduler: clock });
      const running = taskRunner(script('x', '[-->-a-b-(!])-|')).start(ctx).subscribe();
      clock.advance(4);
      running.unsubscribe();
      clock.advance(2);
      expect(clock.timers).to.equal(0);
    });

    it('yields no further values when a value causes its cancel', () => {
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      const output: unknown[] = [];
      const runner = taskRunner(script('x', '-(abc)-d|'));
      runner.start(ctx).subscribe((value) => {
        output.push(value);
        if (value === 'b') cancel();
      });
      clock.advance(10);
      expect(output).to.deep.equal(['a', 'b']);
      expect(outcomeOf(runner)?.status).to.equal('cancelled');
    });

    it('rejects marbles that no task can have, and describes the mistake', () => {
      const wrong = {
        'a[': '`[` only at the start',
        '>->': '`>` only at the end of `initialize`',
        '[>>': '`>` only at the end of `initialize`',
        '[#>': '`>` only at the end of `initialize`',
        'a>': '`>` only at the end of `initialize`',
        ']!|': 'one `!`, before `]`',
        '!!': 'one `!`, before `]`',
        '-!a-!|': 'one `!`, before `]`',
        '##': 'one `#` in a hook',
        ']]': 'one `]`',
        ']a|': 'values only in `execute`',
        '[a>': 'values only in `execute`',
        '#-a|': 'no value after `#`',
        '[->#a': 'no value after `#`',
        '|a': 'nothing after the end',
        '||': 'nothing after the end',
        '?a': 'nothing after the end',
        '-+': 'one of `[>!#]|?`, a letter or a digit',
        '~': 'one of `[>!#]|?`, a letter or a digit',
        '[->]-': '`|`, `#` or `?` at the end of `finalize`',
        '-"': 'one of `[>!#]|?`, a letter or a digit',
        '-€': 'a letter or digit',
      };
      for (const [marbles, message] of Object.entries(wrong)) {
        expect(() => script('x', marbles), marbles).to.throw(SyntaxError, `Expected ${message}`);
        expect(() => script('x', ['|', marbles]), marbles).to.throw(SyntaxError);
      }
      // Those of a recording have no text.
      expect(() => parseTaskScript(parseRow(']]'))).to.throw(
        SyntaxError,
        "Expected one `]`, got `]` at 1 ms of a task's marbles",
      );
      expect(thrownBy(() => script('x', 'a->')).message).to.equal(
        'Expected `>` only at the end of `initialize`, got `>` at 2 ms of the marbles `a->`',
      );
      expect(thrownBy(() => script('x', '[ 3 > |')).message).to.equal(
        'Expected values only in `execute`, got `3` at 1 ms of the marbles `[ 3 > |`. ' +
          'A time has a unit, and spaces around it: `[ 3ms >`',
      );
    });

    it('rejects invalid input immediately', () => {
      expect(() => script(5 as never, '|')).to.throw(TypeError, 'Expected `name` to be a string, got `5` (number)');
      expect(() => script('x', [])).to.throw(
        TypeError,
        'Expected `marbles` to be a row or an array of rows, got `[]` (object)',
      );
      for (const rows of [[5], ['|', 5]])
        expect(() => script('x', rows as never)).to.throw(
          TypeError,
          'Expected `marbles` to be a row or an array of rows',
        );
      expect(() => script('x', '|', { vals: {} } as never)).to.throw(TypeError, 'got `vals`');
      expect(() => script('x', '|', null as never)).to.throw(
        TypeError,
        'Expected `options` of `script` to be an object, got null',
      );
      expect(() => script('x', '|', { values: { ab: 1 } })).to.throw(
        TypeError,
        "Expected `values` to be an object whose keys are letters or digits, got `'ab'` (string)",
      );
      for (const values of [null, 'abc', 5])
        expect(() => script('x', '|', { values: values as never })).to.throw(TypeError, 'Expected `values` to be an');
    });
  });

  describe('without marbles', () => {
    it('runs each hook until the test ends it', () => {
      const db = script<string>('db');
      const runner = taskRunner(db);
      const output = collect(runner.start());
      expect([db.phase, runner.status]).to.deep.equal(['initialize', 'initializing']);
      db.settle();
      expect([db.phase, runner.status]).to.deep.equal(['execute', 'running']);
      db.next('a');
      db.next('b');
      db.settle();
      expect([db.phase, runner.status]).to.deep.equal(['finalize', 'finalizing']);
      expect(output).to.deep.equal(['a', 'b']);
      db.settle();
      expect([db.phase, runner.status]).to.deep.equal([undefined, 'done']);
      expect(output).to.deep.equal(['a', 'b', 'complete']);
      expect(db.calls).to.deep.equal(['initialize', 'execute', 'finalize']);
      expect(String(db)).to.equal('db');
    });

    it('fails in the running hook', () => {
      for (const [hook, settled] of [
        ['initialize', 0],
        ['execute', 1],
        ['finalize', 2],
      ] as const) {
        const db = script('db');
        const runner = taskRunner(db);
        const output = collect(runner.start());
        for (let count = 0; count < settled; count++) db.settle();
        const boom = new Error('boom');
        db.fail(boom);
        if (hook !== 'finalize') db.settle();
        expect(output.at(-1), hook).to.be.instanceOf(TaskError).and.include({ phase: hook, cause: boom });
        expect(db.phase).to.equal(undefined);
      }
    });

    it('is interrupted by a cancel, but finalizes', () => {
      const db = script('db');
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(db);
      collect(runner.start(ctx));
      db.settle();
      cancel();
      expect(db.phase).to.equal('finalize');
      expect(() => db.next('late')).to.throw(Error, 'db is not in `execute`, the only hook that yields values');
      db.settle();
      expect(outcomeOf(runner)?.status).to.equal('cancelled');
    });

    it('continues after a cancel until its grace elapses', () => {
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      const db = script<number>('db', { grace: 5 });
      expect(db.grace).to.equal(5);
      expect('grace' in script('db')).to.equal(false);
      const output = collect(taskRunner(db).start(ctx));
      db.settle();
      cancel();
      clock.advance(4);
      db.next(1);
      expect(db.phase).to.equal('execute');
      clock.advance(1);
      expect(db.phase).to.equal('finalize');
      expect(output).to.deep.equal([1]);
    });

    it('exposes the context that its last hook received', () => {
      const db = script('db');
      expect(db.ctx).to.equal(undefined);
      const [ctx, cancel] = withCancel();
      collect(taskRunner(db).start(ctx));
      expect(db.ctx).to.include({ task: 'db', runId: 1, cancelled: false });
      db.settle();
      cancel('why');
      expect(db.ctx).to.include({ cancelled: true, cause: 'why' });
    });

    it('cancels the application', () => {
      const [ctx, cancel] = withCancel();
      const db = script('db');
      collect(taskRunner(db).start(ctx, cancel));
      expect(() => db.cancel()).to.throw(Error, 'db has not been executed yet, so it has no function to cancel with');
      db.settle();
      db.cancel('enough');
      expect(ctx.cause).to.equal('enough');
      expect(db.phase).to.equal('finalize');
    });

    it('can run again, and appends its calls', () => {
      const db = script('db');
      const runner = taskRunner(db);
      for (const runId of [1, 2]) {
        collect(runner.start());
        expect(db.ctx?.runId).to.equal(runId);
        db.settle();
        db.settle();
        db.settle();
      }
      expect(db.calls).to.have.length(6);
    });

    it('can be controlled from its own subscriber', () => {
      const db = script<number>('db');
      const output: unknown[] = [];
      taskRunner(db)
        .start()
        .subscribe({
          next: (value) => {
            output.push(value);
            if (value < 3) db.next(value + 1);
            else db.settle();
          },
          complete: () => output.push(db.phase),
        });
      db.settle();
      db.next(1);
      expect([output, db.phase]).to.deep.equal([[1, 2, 3], 'finalize']);
      db.settle();
      expect(output).to.deep.equal([1, 2, 3, undefined]);
    });

    it('has no running hook when all that share it have ended, in any order', () => {
      const db = script('db');
      const [first, second] = [db.finalize(), db.finalize()].map((hook) => hook.subscribe());
      second?.unsubscribe();
      first?.unsubscribe();
      expect(db.phase).to.equal(undefined);
    });

    it('has the running hook of the run that has begun last, until that ends', () => {
      const db = script('db');
      const [first, second] = [db.finalize(), db.finalize()].map((hook) => hook.subscribe());
      first?.unsubscribe();
      expect(db.phase).to.equal('finalize');
      second?.unsubscribe();
      expect(db.phase).to.equal(undefined);
    });

    it('throws when it is controlled without a running hook', () => {
      const db = script('db');
      for (const control of [() => db.settle(), () => db.fail(new Error('boom'))])
        expect(control).to.throw(Error, 'db has no running hook');
      expect(() => db.next(1)).to.throw(Error, 'db is not in `execute`');
      collect(taskRunner(db).start());
      expect(() => db.next(1)).to.throw(Error, 'db is not in `execute`');
      db.settle();
      db.settle();
      db.settle();
      expect(() => db.settle()).to.throw(Error, 'db has no running hook');
    });

    it('rejects invalid input immediately', () => {
      expect(() => script(undefined as never)).to.throw(TypeError, 'Expected `name` to be a string, got undefined');
      expect(() => script('db', { grace: -1 })).to.throw(RangeError, 'Expected `grace` to be a number of ms');
      expect(() => script('db', { graze: 1 } as never)).to.throw(TypeError, 'got `graze`');
      expect(() => script('db', 5 as never)).to.throw(
        TypeError,
        'Expected `options` of `script` to be an object, got `5` (number)',
      );
      expect(() => script('db', null as never)).to.throw(
        TypeError,
        'Expected `options` of `script` to be an object, got null',
      );
    });
  });
});
