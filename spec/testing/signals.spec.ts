import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { ordered, SignalError, signalListener, task, taskRunner } from '../../lib/index.js';
import { fakeSignals, scenario, script, type Scenario } from '../../lib/testing/index.js';

/** How an application of one task ends that takes its time to obey. */
function shutdown(scene: Partial<Scenario>): Promise<unknown[]> {
  return scenario({ run: () => [script('x', '[->-!--]--|')], ...scene }).then(({ report, exitCode }) => [
    exitCode,
    report?.clean,
    report?.durationMs,
  ]);
}

describe('fakeSignals', () => {
  it('sends a signal to whoever listens for it', () => {
    const signals = fakeSignals();
    const told: string[] = [];
    const listener = (signal: unknown) => told.push(String(signal));
    signals.on('SIGTERM', listener);
    signals.on('SIGHUP', () => told.push('hup'));
    signals.send('SIGTERM');
    signals.send('SIGINT');
    expect(told).to.deep.equal(['SIGTERM']);
    expect([signals.listeners('SIGTERM'), signals.listeners('SIGINT')]).to.deep.equal([1, 0]);
    signals.off('SIGTERM', listener);
    signals.send('SIGTERM');
    expect([told.length, signals.listeners('SIGTERM')]).to.deep.equal([1, 0]);
  });

  it('is a target for a signalListener, whose listeners are gone when it ends', () => {
    const signals = fakeSignals();
    const told: unknown[] = [];
    const runner = taskRunner(signalListener({ target: signals }));
    const running = () => runner.start().subscribe((signal) => told.push(signal));
    running();
    expect([signals.listeners('SIGINT'), signals.listeners('SIGTERM')]).to.deep.equal([1, 1]);
    signals.send('SIGINT');
    expect([told, signals.listeners('SIGINT'), signals.listeners('SIGTERM')]).to.deep.equal([['SIGINT'], 0, 0]);
    running().unsubscribe();
    expect(signals.listeners('SIGTERM')).to.equal(0);
  });

  it('may send from within a listener', () => {
    const signals = fakeSignals();
    const told: string[] = [];
    signals.on('SIGTERM', () => signals.send('SIGHUP'));
    signals.on('SIGHUP', () => told.push('hup'));
    signals.send('SIGTERM');
    expect(told).to.deep.equal(['hup']);
  });

  it('takes each target for itself', () => {
    const [one, other] = [fakeSignals(), fakeSignals()];
    one.on('SIGTERM', () => expect.fail('It is told'));
    other.send('SIGTERM');
  });

  it('refuses a signal that is unknown or cannot be caught', () => {
    const signals = fakeSignals();
    expect(() => signals.send('SIGFOO' as never)).to.throw(RangeError, 'Expected `signal` to be the name of a signal');
    expect(() => signals.send('SIGKILL')).to.throw(RangeError, 'a signal that a process can catch');
    expect(() => signals.send(15 as never)).to.throw(RangeError);
  });
});

describe('A scenario’s shutdown', () => {
  it('is that of a process: SIGTERM drains, then all are cancelled, finalized and joined', async () => {
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

  it('does not drain for a Ctrl-C, and is not ready from the request on', async () => {
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

  it('has the exit code of the signal when it is to', async () => {
    const exitCode = 'signal';
    expect((await shutdown({ signals: '---T', exitCode }))[0]).to.equal(143);
    expect((await shutdown({ signals: '---I', exitCode }))[0]).to.equal(130);
    expect((await shutdown({ signals: '---T', exitCode: 'zero' }))[0]).to.equal(0);
    expect((await shutdown({ during: ({ app }) => void app.stop(), exitCode }))[0]).to.equal(0);
    const failing = () => [script('x', '>-!-#')];
    expect((await shutdown({ run: failing, signals: '---T', exitCode }))[0]).to.equal(1);
  });

  it('exits at once, without a report, at a second signal of one kind, and 50 ms later of another', async () => {
    const slow = () => [script('x', '>-! 1s |')];
    for (const [signals, code] of [
      ['--T-T', 143],
      ['--I-I', 130],
      ['--T 49ms I', 130],
      ['--I 49ms T', 143],
    ] as const) {
      const { report, exitCode, marbles } = await scenario({ run: slow, signals });
      expect([report, exitCode], signals).to.deep.equal([undefined, code]);
      expect(marbles, signals).to.match(/^x +>-!$/m);
    }
  });

  it('takes two kinds within 50 ms for one request', async () => {
    for (const signals of ['--T-I', '--(TI)', '--I 48ms T', '--I--T--T']) {
      const { report, exitCode } = await scenario({ run: () => [script('x', '>-! 1s |')], signals });
      expect([report?.clean, exitCode], signals).to.deep.equal([true, 0]);
    }
  });

  it('exits at once when a second signal comes in the drain', async () => {
    const { exitCode, marbles } = await scenario({
      run: () => [script('x', '')],
      signals: '--T---T',
      drainDelay: 100,
    });
    expect(exitCode).to.equal(143);
    expect(marbles).to.match(/^application +--~$/m);
  });

  it('names at the deadline who still goes, and exits with 1', async () => {
    const deaf = task('deaf', () => new Promise(() => undefined));
    const { report, exitCode } = await scenario({
      run: () => [deaf, script('x', '(!|)')],
      signals: '-T',
      timeout: 10,
      expect: `
        deaf         >! 9ms ?
        x            >(!|)
        application  -! 9ms #
      `,
    });
    expect([exitCode, report?.clean]).to.deep.equal([1, false]);
    expect(report?.outcomes.map(({ task, status }) => [task, status])).to.deep.equal([
      ['x', 'cancelled'],
      ['deaf', 'timed-out'],
    ]);
    expect(await shutdown({ run: () => [deaf], signals: '-T', timeout: 0 })).to.deep.equal([1, false, 0]);
  });

  it('exits with 1 after a failure, and goes on with `onFailure`', async () => {
    const run = () => [script('a', '--#'), script('b', '-----|')];
    expect(await shutdown({ run })).to.deep.equal([1, false, 0]);
    const played = await scenario({ run, onFailure: 'continue', expect: 'b  >----|' });
    expect(played.exitCode).to.equal(1);
  });

  it('exits with 0 when all tasks end by themselves', async () => {
    expect(await shutdown({ run: () => [script('x', '-|')] })).to.deep.equal([0, true, 0]);
    expect(await shutdown({ run: () => [] })).to.deep.equal([0, true, 0]);
  });

  it('dies of a signal that nobody listens for', async () => {
    for (const [letter, code] of [
      ['H', 129],
      ['Q', 131],
      ['1', 138],
      ['2', 140],
    ] as const) {
      const { report, exitCode, marbles } = await scenario({ run: () => [script('x', '')], signals: `-${letter}` });
      expect([report, exitCode]).to.deep.equal([undefined, code]);
      expect(marbles).to.include(`signals    -${letter}`);
    }
  });

  it('hands signals to whoever listens to the world’s', async () => {
    const heard: string[] = [];
    const played = await scenario({
      run: ({ signals }) => {
        signals.on('SIGUSR2', () => heard.push('SIGUSR2'));
        signals.on('SIGTERM', () => heard.push('SIGTERM'));
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
    expect([heard, played.exitCode]).to.deep.equal([['SIGUSR2'], 0]);
    expect(played.report?.cause).to.be.instanceOf(SignalError).and.include({ signal: 'SIGHUP' });
  });

  it('tells nobody of a signal that comes after the exit, or after the end', async () => {
    const heard: number[] = [];
    const run = ({ signals }: Parameters<Scenario['run']>[0]) => {
      signals.on('SIGTERM', () => heard.push(Date.now()));
      return [task('x', { execute: () => NEVER, finalize: () => delay(50) })];
    };
    const exits = await scenario({ run, signals: '-T-T-T' });
    expect([heard, exits.exitCode]).to.deep.equal([[1], 143]);
    const ended = await scenario({ run: () => [script('x', '-|')], signals: '---T--T', during: () => delay(20) });
    expect([ended.exitCode, ended.report?.clean]).to.deep.equal([0, true]);
    expect(ended.marbles).to.not.include('signals');
  });

  it('is asked for by a signal before anything is ready', async () => {
    await scenario({ run: () => [script('x', '[---')], signals: 'T', expect: 'x  ([!|)\napplication  (!|)' });
  });
});
