import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { interval, NEVER } from 'rxjs';
import { ordered, SignalError, signalListener, task } from '../../lib/index.js';
import { scenario, script, type Scenario, type ScenarioContext } from '../../lib/testing/index.js';

/** Returns how an application ends whose only task ends late after a cancel. */
function shutdown(options: Partial<Scenario>): Promise<unknown[]> {
  return scenario({ run: () => [script('x', '[->-!--]--|')], ...options }).then(({ report, exitCode }) => [
    exitCode,
    report?.clean,
    report?.durationMs,
  ]);
}

describe('scenario shutdown', () => {
  it('drains after a SIGTERM, then cancels, finalizes and joins all tasks', async () => {
    await scenario({
      run: () => [ordered('app', script('a', '[->(!])-|'), script('b', '[->-!--]-|'))],
      signals: '------T',
      drainDelay: 4,
      expect: `
        signals      ------T
        app/a        [->------------(!])-|
        app/b        --[->-----!--]-|
        application  ------~---!-----   -|
      `,
      check: ({ report, exitCode }) => {
        expect([report?.clean, exitCode]).to.deep.equal([true, 0]);
        expect(report?.cause).to.be.instanceOf(SignalError).and.include({ signal: 'SIGTERM' });
        expect(report?.durationMs).to.equal(11);
      },
    });
  });

  it('does not drain after a Ctrl-C, and is not ready from the request on', async () => {
    for (const [letter, drained] of [
      ['T', 5],
      ['I', 0],
    ] as const)
      expect(await shutdown({ signals: `----${letter}`, drainDelay: 5 }), letter).to.deep.equal([0, true, drained + 6]);
    await scenario({
      run: () => [script('x', '[->(!|)')],
      signals: '-----T',
      drainDelay: 3,
      expect: 'readiness  -->--<\napplication  -----~--(!|)',
    });
  });

  it("exits with the code of the signal if `exitCode` is 'signal'", async () => {
    const exitCode = 'signal';
    expect((await shutdown({ signals: '---T', exitCode }))[0]).to.equal(143);
    expect((await shutdown({ signals: '---I', exitCode }))[0]).to.equal(130);
    expect((await shutdown({ signals: '---T', exitCode: 'zero' }))[0]).to.equal(0);
    expect((await shutdown({ during: ({ app }) => void app.stop(), exitCode }))[0]).to.equal(0);
    const failing = () => [script('x', '>-!-#')];
    expect((await shutdown({ run: failing, signals: '---T', exitCode }))[0]).to.equal(1);
  });

  it('exits immediately and without a report at a second signal more than 500 ms after the first', async () => {
    const slow = () => [script('x', '>-! 1s |')];
    for (const [signals, code] of [
      ['--T 500ms T', 143],
      ['--I 500ms I', 130],
      ['--T 500ms I', 130],
      ['--I 2ms T 2ms I 800ms T', 143],
    ] as const) {
      const { report, exitCode, marbles } = await scenario({ run: slow, signals });
      expect([report, exitCode], signals).to.deep.equal([undefined, code]);
      expect(marbles, signals).to.match(/^x +>-!$/m);
    }
  });

  it('treats signals of any kind within 500 ms as one request', async () => {
    for (const signals of ['--T-I', '--(TI)', '--I 499ms T', '--I--T--T', '--T-T-T']) {
      const { report, exitCode } = await scenario({ run: () => [script('x', '>-! 1s |')], signals });
      expect([report?.clean, exitCode], signals).to.deep.equal([true, 0]);
    }
  });

  it('exits immediately at a second signal during the drain', async () => {
    const { exitCode, marbles } = await scenario({
      run: () => [script('x', '')],
      signals: '--T 600ms T',
      drainDelay: 1000,
    });
    expect(exitCode).to.equal(143);
    expect(marbles).to.match(/^application +--~$/m);
  });

  it('exits immediately at a second signal, also if the application was stopped by something else before', async () => {
    const failing = () => [script('x', '(#]) 2s |')];
    for (const stop of [{ run: failing }, { during: ({ app }) => void app.stop() }] as Partial<Scenario>[]) {
      const run = () => [script('x', '>-! 2s |')];
      const { report, exitCode } = await scenario({ run, signals: '--T 600ms T', ...stop });
      expect([report, exitCode]).to.deep.equal([undefined, 143]);
      for (const signals of ['--T 400ms I', '600ms T']) {
        const ended = await scenario({ run, signals, ...stop });
        expect(ended.report?.outcomes.every(({ status }) => status !== 'timed-out')).to.equal(true);
      }
    }
  });

  it('treats any signal that has stopped the application as a SIGTERM when it comes again', async () => {
    const received: number[] = [];
    const run = ({ signals }: ScenarioContext) => {
      signals.on('SIGHUP', () => received.push(Date.now()));
      return [script('x', '>-! 2s |'), signalListener({ signals: ['SIGHUP'], target: signals })];
    };
    const result = await scenario({ run, signals: '--H 400ms H 600ms H' });
    expect([result.report, result.exitCode, received]).to.deep.equal([undefined, 129, [2, 403]]);
  });

  it('ignores an error and the end of a task at the moment of the exit', async () => {
    const fail = () => void setTimeout(() => expect.fail('too late'), 601);
    const end = () => delay(600).then(() => nextTurn());
    for (const finalize of [() => (fail(), delay(1000)), end]) {
      const run = () => [task('x', { execute: () => NEVER, finalize })];
      const { report, exitCode } = await scenario({ run, signals: '-T 600ms T' });
      expect([report, exitCode]).to.deep.equal([undefined, 143]);
    }
  });

  it('reports the tasks that are still running at the deadline, and exits with 1', async () => {
    const hanging = task('hanging', () => new Promise(() => undefined));
    const { report, exitCode } = await scenario({
      run: () => [hanging, script('x', '(!|)')],
      signals: '-T',
      timeout: 10,
      expect: `
        hanging      >! 9ms ?
        x            >(!|)
        application  -! 9ms #
      `,
    });
    expect([exitCode, report?.clean]).to.deep.equal([1, false]);
    expect(report?.outcomes.map(({ task, status }) => [task, status])).to.deep.equal([
      ['x', 'cancelled'],
      ['hanging', 'timed-out'],
    ]);
    expect(await shutdown({ run: () => [hanging], signals: '-T', timeout: 0 })).to.deep.equal([1, false, 0]);
  });

  it('exits with 1 after a failure, even if `onFailure` continues', async () => {
    const run = () => [script('a', '--#'), script('b', '-----|')];
    expect(await shutdown({ run })).to.deep.equal([1, false, 0]);
    const { exitCode } = await scenario({ run, onFailure: 'continue', expect: 'b  >----|' });
    expect(exitCode).to.equal(1);
  });

  it('exits with 0 when all tasks have completed', async () => {
    expect(await shutdown({ run: () => [script('x', '-|')] })).to.deep.equal([0, true, 0]);
    expect(await shutdown({ run: () => [] })).to.deep.equal([0, true, 0]);
  });

  it('exits at a signal without a listener', async () => {
    for (const [letter, code] of [
      ['H', 129],
      ['Q', 131],
      ['1', 138],
      ['2', 140],
    ] as const) {
      const run = () => [task('poll', () => interval(1000))];
      const { report, exitCode, marbles } = await scenario({ run, signals: `-${letter}` });
      expect([report, exitCode]).to.deep.equal([undefined, code]);
      expect(marbles).to.match(new RegExp(`^signals +-${letter}$`, 'm'));
    }
  });

  it('sends signals to listeners of the signals in its context', async () => {
    const received: string[] = [];
    const { report, exitCode } = await scenario({
      run: ({ signals }) => {
        signals.on('SIGUSR2', () => received.push('SIGUSR2'));
        signals.on('SIGTERM', () => received.push('SIGTERM'));
        return [script('x', ''), signalListener({ signals: ['SIGHUP'], target: signals })];
      },
      signals: '-2--H',
      drainDelay: 2,
      expect: `
        signals                 -2--H
        x                       >-----(!|)
        signalListener(SIGHUP)  ([>)---(_]|)
        application             ----~-(!|)
      `,
    });
    expect([received, exitCode]).to.deep.equal([['SIGUSR2'], 0]);
    expect(report?.cause).to.be.instanceOf(SignalError).and.include({ signal: 'SIGHUP' });
  });

  it('sends no signal after the exit or the end of the application', async () => {
    const received: number[] = [];
    const run = ({ signals }: Parameters<Scenario['run']>[0]) => {
      signals.on('SIGTERM', () => received.push(Date.now()));
      return [task('x', { execute: () => NEVER, finalize: () => delay(1000) })];
    };
    const exited = await scenario({ run, signals: '-T 600ms T 600ms T' });
    expect([received, exited.exitCode]).to.deep.equal([[1], 143]);
    const once = await scenario({ run, signals: '-T-T-T' });
    expect([received, once.exitCode]).to.deep.equal([[1, 1, 3, 5], 0]);
    const ended = await scenario({ run: () => [script('x', '-|')], signals: '---T--T', during: () => delay(20) });
    expect([ended.exitCode, ended.report?.clean]).to.deep.equal([0, true]);
    expect(ended.marbles).to.not.include('signals');
  });

  it('stops at a signal before its tasks are ready', async () => {
    await scenario({ run: () => [script('x', '[---')], signals: 'T', expect: 'x  ([!|)\napplication  (!|)' });
  });
});
