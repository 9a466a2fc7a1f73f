import { expect } from 'chai';
import { TestScheduler } from 'rxjs/testing';
import { cron, supervise, TaskError, taskRunner, withCancel } from '../../lib/index.js';
import { virtualClock, scenario, script, type Scenario, type ScriptOptions } from '../../lib/testing/index.js';
import { collect, thrownBy } from '../helpers/collect.js';
import { outcomeOf } from '../helpers/tasks.js';

/** The row of a task that does what marbles show. */
async function lived(marbles: string | readonly string[], scene: Partial<Scenario> = {}): Promise<string> {
  const played = await scenario({ run: () => [script('x', marbles)], ...scene });
  return rowOf(played.marbles);
}

function rowOf(marbles: string): string {
  const line = marbles.split('\n').find((one) => one.startsWith('x ')) ?? expect.fail(`There is no x in ${marbles}`);
  return line.slice(1).trim();
}

/** What a task yields, and how it ends. */
function yielded(marbles: string, options?: ScriptOptions<unknown>): unknown[] {
  const clock = virtualClock();
  const [ctx] = withCancel(undefined, { scheduler: clock });
  const told = collect(taskRunner(script('x', marbles, options)).start(ctx));
  clock.advance(100);
  return told;
}

describe('script', () => {
  describe('with marbles', () => {
    it('does what they show', async () => {
      const rows = '>-a-b| (>a|) >--# (>#) [-->a--b-]--| [->--(#])-| [--(#])| [>--]-# [>-| [-->(ab)-c|'.split(' ');
      for (const row of rows) expect(await lived(row)).to.equal(row);
    });

    it('is ready at once without a `[`', async () => {
      expect(await lived('-a-b|')).to.equal('>a-b|');
      expect(await lived('a|')).to.equal('(>a)|');
      expect(await lived('|')).to.equal('(>|)');
      expect(await lived('#')).to.equal('(>#)');
    });

    it('does when it is cancelled what they show after `!`', async () => {
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
      for (const [row, signals] of Object.entries(rows)) expect(await lived(row, { signals }), row).to.equal(row);
    });

    it('is cut by a cancel for which they show nothing, whenever that comes', async () => {
      expect(await lived('[->a', { signals: '-----T' })).to.equal('[->a-(!|)');
      expect(await lived('[--', { signals: '-T' })).to.equal('[(!|)');
      expect(await lived('>-a-b-|', { signals: '--T' })).to.equal('>-(!|)');
      expect(await lived('[-->--]--|', { signals: '-T' })).to.equal('[(!])--|');
      expect(await lived('>-(!|)', { signals: '-----T' })).to.equal('>----(!|)');
    });

    it('takes after a cancel as long as they show, counted from the cancel', async () => {
      expect(await lived('>-!--|', { signals: '------T' })).to.equal('>-----!--|');
      expect(await lived('[!-]--|', { signals: '---T' })).to.equal('[--!-]--|');
      // What is due after the cancel does not come any more.
      expect(await lived('>--a-!b--|', { signals: '--T' })).to.equal('>-!b--|');
    });

    it('cuts a hook that shows no `!`, though another one takes its time', async () => {
      expect(await lived('[-->-!--]|', { signals: '-T' })).to.equal('[(!])|');
      expect(await lived('[-->-!--]|', { signals: '----T' })).to.equal('[-->!--]|');
      // What has ended by itself has nothing to obey.
      expect(await lived(['>-|', '>-!--|'])).to.equal('>-|');
    });

    it('finalizes for as long as they show, whatever is cancelled meanwhile', async () => {
      expect(await lived('[->-]----|', { signals: '------T' })).to.equal('[->-]----|');
    });

    it('never ends where they show `?`', async () => {
      const timeout = 5;
      expect(await lived('>-?', { signals: '--T', timeout })).to.equal('>-!----?');
      expect(await lived('[>-]--?', { signals: '---T', timeout })).to.equal('[>-(!])----?');
      expect(await lived('[>--!-?', { signals: '---T', timeout })).to.equal('[>-!----?');
      expect(await lived('[-?', { signals: '---T', timeout })).to.equal('[--!----?');
    });

    it('has the hooks that they show, and no others', () => {
      const hooks = (marbles: string) => {
        const made = script('x', marbles);
        return ['initialize', 'execute', 'finalize', 'grace'].filter((hook) => hook in made).join(' ');
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

    it('takes a row for each run, and the last for all that follow', async () => {
      const backoff = { initial: 2, factor: 1, jitter: 0 };
      const restarted = (...rows: string[]) =>
        scenario({ run: () => [supervise(script('x', rows), { backoff })], duration: 50 }).then(({ marbles }) =>
          rowOf(marbles),
        );
      expect(await restarted('a#', 'b#', 'c|')).to.equal('(>a)(#<)-(>b)(#<)-(>c)|');
      expect(await restarted('[->-(#])-|', '[(#])-|', '[->-]|')).to.equal('[->-(#])-<-[(#])-<-[->-]|');
      expect(await lived(['-|', '-a|'])).to.equal('>|');
    });

    it('takes a row for each slot of a cron, initializing and finalizing once', async () => {
      const run = () => [cron(script('x', ['[->a|', '-b|', '#']), 4, { maxRuns: 4 })];
      const { marbles } = await scenario({ run });
      expect(rowOf(marbles)).to.equal('[-(>+)a--+b--(+*)---(+*|)');
    });

    it('yields the values that are told, whatever they are, and of others the letter', () => {
      const values = { a: { rows: 1 }, b: undefined, c: null, d: 0, e: '' };
      expect(yielded('abcdef0|', { values })).to.deep.equal([
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

    it('fails with the error that is told, whatever it is, or with one that names task and hook', () => {
      const cause = (marbles: string, options?: ScriptOptions<unknown>) => {
        const [error] = yielded(marbles, options);
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

    it('goes by the clock of its context, and is fully virtual', () => {
      new TestScheduler((actual, expected) => {
        expect(actual).to.deep.equal(expected);
      }).run(({ expectObservable }) => {
        expectObservable(taskRunner(script('x', '[-->a-b-]--|')).start()).toBe('----a-b----|');
      });
      const clock = virtualClock();
      const [ctx] = withCancel(undefined, { scheduler: clock });
      const told = collect(taskRunner(script('x', '-a 1d b|')).start(ctx));
      clock.advance(86_400_001);
      expect(told).to.deep.equal(['a']);
      clock.advance(2);
      expect(told).to.deep.equal(['a', 'b', 'complete']);
    });

    it('leaves no timer behind when it is left', () => {
      const clock = virtualClock();
      const [ctx] = withCancel(undefined, { scheduler: clock });
      const running = taskRunner(script('x', '[-->-a-b-(!])-|')).start(ctx).subscribe();
      clock.advance(4);
      running.unsubscribe();
      clock.advance(2);
      expect(clock.timers).to.equal(0);
    });

    it('yields no more once it has been left at a value', () => {
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      const told: unknown[] = [];
      const runner = taskRunner(script('x', '-(abc)-d|'));
      runner.start(ctx).subscribe((value) => {
        told.push(value);
        if (value === 'b') cancel();
      });
      clock.advance(10);
      expect(told).to.deep.equal(['a', 'b']);
      expect(outcomeOf(runner)?.status).to.equal('cancelled');
    });

    it('refuses what is no life of a task, and says what it should be', () => {
      const wrong = {
        'a[': '`[` at the start alone',
        '>->': '`>` at the end of `initialize`',
        '[>>': '`>` at the end of `initialize`',
        '[#>': '`>` at the end of `initialize`',
        'a>': '`>` at the end of `initialize`',
        ']!|': 'one `!`, before `]`',
        '!!': 'one `!`, before `]`',
        '-!a-!|': 'one `!`, before `]`',
        '##': 'one `#` in a hook',
        ']]': 'one `]`',
        ']a|': 'values in `execute` alone',
        '[a>': 'values in `execute` alone',
        '#-a|': 'no value after `#`',
        '[->#a': 'no value after `#`',
        '|a': 'nothing after its end',
        '||': 'nothing after its end',
        '?a': 'nothing after its end',
        '-+': 'one of `[>!#]|?`, a letter or a digit',
        '~': 'one of `[>!#]|?`, a letter or a digit',
        '[->]-': '`|`, `#` or `?` at the end of `finalize`',
        '-^': 'a letter or digit',
      };
      for (const [marbles, message] of Object.entries(wrong)) {
        expect(() => script('x', marbles), marbles).to.throw(SyntaxError, `Expected ${message}`);
        expect(() => script('x', ['|', marbles]), marbles).to.throw(SyntaxError);
      }
      expect(thrownBy(() => script('x', 'a->')).message).to.equal(
        "Expected `>` at the end of `initialize`, got `>` at 2 ms of a task's marbles",
      );
    });

    it('refuses bad input when it is made', () => {
      expect(() => script(5 as never, '|')).to.throw(TypeError, 'Expected `name` to be a string, got `5` (number)');
      expect(() => script('x', [])).to.throw(TypeError, 'Expected `marbles` to be a row, or rows, got `[]` (object)');
      expect(() => script('x', [5] as never)).to.throw(TypeError, 'Expected `marbles` to be a row, or rows');
      expect(() => script('x', '|', { vals: {} } as never)).to.throw(TypeError, 'got `vals` (unknown)');
      expect(() => script('x', '|', null as never)).to.throw(TypeError, 'Expected `options` to be an object, got null');
      expect(() => script('x', '|', { values: { ab: 1 } })).to.throw(
        TypeError,
        "Expected `values` to be by letters and digits, got `'ab'` (string)",
      );
    });
  });

  describe('without marbles', () => {
    it('has hooks that go on until the test ends them', () => {
      const db = script<string>('db');
      const runner = taskRunner(db);
      const told = collect(runner.start());
      expect([db.phase, runner.status]).to.deep.equal(['initialize', 'initializing']);
      db.settle();
      expect([db.phase, runner.status]).to.deep.equal(['execute', 'running']);
      db.next('a');
      db.next('b');
      db.settle();
      expect([db.phase, runner.status]).to.deep.equal(['finalize', 'finalizing']);
      expect(told).to.deep.equal(['a', 'b']);
      db.settle();
      expect([db.phase, runner.status]).to.deep.equal([undefined, 'done']);
      expect(told).to.deep.equal(['a', 'b', 'complete']);
      expect(db.calls).to.deep.equal(['initialize', 'execute', 'finalize']);
      expect(String(db)).to.equal('db');
    });

    it('fails in the hook under way', () => {
      for (const [hook, place] of [
        ['initialize', 0],
        ['execute', 1],
        ['finalize', 2],
      ] as const) {
        const db = script('db');
        const runner = taskRunner(db);
        const told = collect(runner.start());
        for (let count = 0; count < place; count++) db.settle();
        const boom = new Error('boom');
        db.fail(boom);
        if (hook !== 'finalize') db.settle();
        expect(told.at(-1), hook).to.be.instanceOf(TaskError).and.include({ phase: hook, cause: boom });
        expect(db.phase).to.equal(undefined);
      }
    });

    it('is cut by a cancel, but finalizes', () => {
      const db = script('db');
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(db);
      collect(runner.start(ctx));
      db.settle();
      cancel();
      expect(db.phase).to.equal('finalize');
      expect(() => db.next('late')).to.throw(Error, 'db is not in `execute`, which alone yields values');
      db.settle();
      expect(outcomeOf(runner)?.status).to.equal('cancelled');
    });

    it('goes on after a cancel for its grace', () => {
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      const db = script<number>('db', { grace: 5 });
      expect(db.grace).to.equal(5);
      expect('grace' in script('db')).to.equal(false);
      const told = collect(taskRunner(db).start(ctx));
      db.settle();
      cancel();
      clock.advance(4);
      db.next(1);
      expect(db.phase).to.equal('execute');
      clock.advance(1);
      expect(db.phase).to.equal('finalize');
      expect(told).to.deep.equal([1]);
    });

    it('has the context that its last hook got', () => {
      const db = script('db');
      expect(db.ctx).to.equal(undefined);
      const [ctx, cancel] = withCancel();
      collect(taskRunner(db).start(ctx));
      expect(db.ctx).to.include({ task: 'db', runId: 1, cancelled: false });
      db.settle();
      cancel('why');
      expect(db.ctx).to.include({ cancelled: true, cause: 'why' });
    });

    it('cancels the application with what it was given', () => {
      const [ctx, cancel] = withCancel();
      const db = script('db');
      collect(taskRunner(db).start(ctx, cancel));
      expect(() => db.cancel()).to.throw(Error, 'db has not been executed yet, and has nothing to cancel with');
      db.settle();
      db.cancel('enough');
      expect(ctx.cause).to.equal('enough');
      expect(db.phase).to.equal('finalize');
    });

    it('is run again, with its calls one after the other', () => {
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

    it('may be told what to do from within what it does', () => {
      const db = script<number>('db');
      const told: unknown[] = [];
      taskRunner(db)
        .start()
        .subscribe({
          next: (value) => {
            told.push(value);
            if (value < 3) db.next(value + 1);
            else db.settle();
          },
          complete: () => told.push(db.phase),
        });
      db.settle();
      db.next(1);
      expect([told, db.phase]).to.deep.equal([[1, 2, 3], 'finalize']);
      db.settle();
      expect(told).to.deep.equal([1, 2, 3, undefined]);
    });

    it('throws when no hook is under way that could do so', () => {
      const db = script('db');
      for (const act of [() => db.settle(), () => db.fail(new Error('boom'))])
        expect(act).to.throw(Error, 'db has no hook under way');
      expect(() => db.next(1)).to.throw(Error, 'db is not in `execute`');
      collect(taskRunner(db).start());
      expect(() => db.next(1)).to.throw(Error, 'db is not in `execute`');
      db.settle();
      db.settle();
      db.settle();
      expect(() => db.settle()).to.throw(Error, 'db has no hook under way');
    });

    it('refuses bad input when it is made', () => {
      expect(() => script(undefined as never)).to.throw(TypeError, 'Expected `name` to be a string, got undefined');
      expect(() => script('db', { grace: -1 })).to.throw(RangeError, 'Expected `grace` to be a number of ms');
      expect(() => script('db', { graze: 1 } as never)).to.throw(TypeError, 'got `graze` (unknown)');
      expect(() => script('db', 5 as never)).to.throw(
        TypeError,
        'Expected `options` to be an object, got `5` (number)',
      );
      expect(() => script('db', null as never)).to.throw(TypeError, 'Expected `options` to be an object, got null');
    });
  });
});
