import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { runMain, task, withCancel } from '../../lib/index.js';
import { listenerCount } from '../helpers/collect.js';
import { Program, type ProgramResult } from '../helpers/program.js';

const path = fileURLToPath(new URL('../fixtures/app.ts', import.meta.url));

function start(name: string): Program {
  return new Program(process.execPath, ['--import', 'tsx', path, name]);
}

/**
 * `script` gives the program a terminal, on which \x03 is a Ctrl-C, and exits as the program does. Without `exec` some
 * shells stay between the two, and die of the Ctrl-C themselves.
 */
function startOnTerminal(name: string): Program {
  return new Program('script', ['-qec', `exec ${process.execPath} --import tsx ${path} '${name}'`, '/dev/null']);
}

function run(name: string): Promise<ProgramResult> {
  return start(name).ended;
}

async function signalled(name: string, ...signals: NodeJS.Signals[]): Promise<ProgramResult> {
  const program = start(name);
  await program.waitFor('up');
  program.kill(...signals);
  return program.ended;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const noListener = 'listeners 0,0,0,0';

describe('runMain', function () {
  this.timeout(20_000);

  describe('signalled', () => {
    it('SIGTERM, with tasks up: finalizers run, no listener left, exit 0', async () => {
      for (const name of ['worker', 'worker beside a listener']) {
        const { code, signal, stdout, stderr } = await signalled(name, 'SIGTERM');
        expect([code, signal, stderr], name).to.deep.equal([0, null, '']);
        expect(stdout.split('\n').slice(0, 6), name).to.deep.equal([
          'initialize',
          'up',
          'finalize',
          'finalized',
          noListener,
          stdout.split('\n')[5],
        ]);
        expect(stdout).to.match(/Stopped by SignalError: Received SIGTERM. Clean, in \d+ ms\./);
      }
    });

    it('Ctrl-C does the same', async () => {
      const { code, stdout } = await signalled('worker', 'SIGINT');
      expect(code).to.equal(0);
      expect(stdout).to.include('finalized').and.include('Received SIGINT').and.include(noListener);
    });

    it('second SIGTERM, second Ctrl-C: 143, 130, at once', async () => {
      for (const [signal, code] of [
        ['SIGTERM', 143],
        ['SIGINT', 130],
      ] as const) {
        const program = start('hanging');
        await program.waitFor('up');
        program.kill(signal);
        await program.waitFor('finalize');
        program.kill(signal);
        const ended = await program.ended;
        expect([ended.code, ended.signal]).to.deep.equal([code, null]);
        expect(ended.ms).to.be.below(1000);
        expect(ended.stdout).to.not.include('listeners');
        expect(ended.stderr).to.equal(
          `Received ${signal} after ${signal}, exiting with ${code}: nothing more is finalized\n`,
        );
      }
    });

    it('a second signal of the other kind: 128 + its number', async () => {
      const program = start('hanging');
      await program.waitFor('up');
      program.kill('SIGINT');
      await program.waitFor('finalize');
      await pause(100);
      program.kill('SIGTERM');
      expect((await program.ended).code).to.equal(143);
    });

    it('SIGINT and SIGTERM together; SIGTERM during initialize: one shutdown; finalize, then exit', async () => {
      const together = await signalled('worker', 'SIGINT', 'SIGTERM');
      expect([together.code, together.signal]).to.deep.equal([0, null]);
      expect(together.stdout.match(/finalized/g)).to.have.length(1);

      const early = await signalled('initializing', 'SIGTERM');
      expect(early.code).to.equal(0);
      expect(early.stdout).to.include('finalize').and.not.include('execute');
    });

    it('one Ctrl-C that comes twice, as from a terminal and from the npm in it, is one; a second Ctrl-C is not', async () => {
      const patient = startOnTerminal('worker');
      await patient.waitFor('up');
      patient.child.stdin?.write('\x03\x03');
      const ended = await patient.ended;
      expect(ended.stdout).to.include('finalized').and.include('Received SIGINT');
      expect(ended.code).to.equal(0);

      const impatient = startOnTerminal('hanging');
      await impatient.waitFor('up');
      impatient.child.stdin?.write('\x03');
      await impatient.waitFor('finalize');
      await pause(300);
      impatient.child.stdin?.write('\x03');
      expect((await impatient.ended).code).to.equal(130);
    });

    it('a second SIGTERM is one on a terminal, too', async () => {
      const program = startOnTerminal('hanging, pid');
      await program.waitFor('up');
      const pid = Number(/pid (\d+)/.exec(program.stdout)?.[1]);
      process.kill(pid, 'SIGTERM');
      await program.waitFor('finalize');
      process.kill(pid, 'SIGTERM');
      expect((await program.ended).code).to.equal(143);
    });

    it('a SIGINT that comes a while after a SIGTERM is one, on a terminal, too', async () => {
      const program = startOnTerminal('hanging, pid');
      await program.waitFor('up');
      const pid = Number(/pid (\d+)/.exec(program.stdout)?.[1]);
      process.kill(pid, 'SIGTERM');
      await program.waitFor('finalize');
      await pause(100);
      process.kill(pid, 'SIGINT');
      expect((await program.ended).code).to.equal(130);
    });
  });

  describe('with an ordered group', () => {
    it('SIGTERM during the start of the second of three: that is stopped, then the first; the third never starts', async () => {
      const program = start('slow second of three');
      await program.waitFor('b initialize');
      program.kill('SIGTERM');
      const { code, stdout, stderr } = await program.ended;
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(stdout.split('\n').slice(0, 6)).to.deep.equal([
        'a initialize',
        'a up',
        'b initialize',
        'b finalize',
        'a finalize',
        noListener,
      ]);
      expect(stdout).to.match(/app\/c +not-started/);
    });

    it('a stop hook that hangs: it is named with its path, and so is who waits for it', async () => {
      const program = start('hanging second of three');
      await program.waitFor('c up');
      program.kill('SIGTERM');
      const { code, stdout, stderr } = await program.ended;
      expect(code).to.equal(1);
      expect(stderr).to.equal(
        'Not ended within 200 ms of the cancel, exiting with 1: app/b (finalize); not asked to stop before that: app/a\n',
      );
      expect(stdout)
        .to.match(/app\/a +timed-out, not asked yet/)
        .and.match(/app\/b +timed-out in finalize/)
        .and.match(/app\/c +cancelled/);
    });

    it('a second signal in mid-stop exits at once', async () => {
      const program = start('slow stop');
      await program.waitFor('c up');
      program.kill('SIGTERM');
      await program.waitFor('b finalize');
      program.kill('SIGTERM');
      const { code, stdout } = await program.ended;
      expect(code).to.equal(143);
      expect(stdout).to.include('c finalize').and.not.include('a finalize');
    });
  });

  describe('without a stdin', () => {
    it('starts and stops as ever when it is closed from the start', async () => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        const program = new Program('sh', ['-c', `exec ${process.execPath} --import tsx ${path} worker <&-`]);
        await program.waitFor('up');
        program.kill(signal);
        const { code, stdout, stderr } = await program.ended;
        expect([code, stderr]).to.deep.equal([0, '']);
        expect(stdout).to.include('finalized').and.include(noListener);
      }
    });

    it('goes on when it is closed in mid-run', async () => {
      const program = start('reads stdin');
      await program.waitFor('up');
      program.child.stdin?.end();
      await pause(100);
      expect(program.child.exitCode).to.equal(null);
      program.kill('SIGTERM');
      const { code, stdout } = await program.ended;
      expect(code).to.equal(0);
      expect(stdout)
        .to.match(/reader +completed/)
        .and.match(/worker +cancelled/);
    });
  });

  describe('at the end', () => {
    it('exits with 128 + the number of the signal, if that is asked for, after a clean stop', async () => {
      expect((await signalled('signal as exit code', 'SIGTERM')).code).to.equal(143);
      expect((await signalled('signal as exit code', 'SIGINT')).code).to.equal(130);
      expect((await signalled('signal as exit code, failing', 'SIGTERM')).code).to.equal(1);
      expect((await signalled('signal as exit code, after a code of its own', 'SIGTERM')).code).to.equal(3);
    });

    it('exits 0 when all have ended by themselves, and holds the process open until then', async () => {
      const { code, stdout, stderr } = await run('nothing but promises');
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(stdout).to.include('resolved').and.include('All tasks ended. Clean.').and.include(noListener);
    });

    it('no tasks at all: a defined, immediate end', async () => {
      expect(await run('no tasks')).to.include({
        code: 0,
        stderr: '',
        stdout: `${noListener}\nAll tasks ended. Clean.\n`,
      });
    });

    it('leaves a clean end’s exit code alone', async () => {
      expect((await run('exit code of its own')).code).to.equal(3);
    });

    it('exits 1 after a failure, which is written with its cause, when the others have ended', async () => {
      const { code, stdout, stderr } = await run('failing');
      expect(code).to.equal(1);
      expect(stderr)
        .to.match(/^TaskError: failing failed in execute: boom/)
        .and.include('[cause]: Error: boom')
        .and.include('[cause]: Error: root');
      expect(stdout)
        .to.include('finalized')
        .and.include('Stopped by TaskError: failing failed in execute: boom. Not clean');
    });

    it('writes the failed runs of a cron, and goes on', async () => {
      const { code, stdout, stderr } = await signalled('failing cron', 'SIGTERM');
      expect(code).to.equal(0);
      expect(stderr).to.include('TaskError: tick failed in execute: boom');
      expect(stdout).to.include('Clean');
    });

    it('writes the error of a task that comes after its grace', async () => {
      const { code, stdout, stderr } = await signalled('late error', 'SIGTERM');
      expect(code).to.equal(0);
      expect(stderr).to.match(/^TaskError: lagging failed in execute: too late\n/);
      expect(stdout).to.include('Clean');
    });

    it('leaves the writing to an observer', async () => {
      const { code, stdout, stderr } = await run('observed');
      expect([code, stderr]).to.deep.equal([1, '']);
      expect(stdout.split('\n').slice(0, 4)).to.deep.equal(['ready', 'done', 'cancelled', 'shutdown']);
    });

    it('names laggards past the deadline and exits 1, after whoever awaits the report', async () => {
      const { code, stdout, stderr } = await signalled('overrun', 'SIGTERM');
      expect(code).to.equal(1);
      expect(stderr).to.equal(
        'Not ended within 100 ms of the cancel, exiting with 1: hanging (finalize), deaf (execute)\n',
      );
      expect(stdout).to.include('hanging  timed-out').and.include(noListener);
    });

    it('names what keeps the process open 5 s after a clean stop', async () => {
      const program = start('open handle');
      await program.waitFor('Clean');
      const before = performance.now();
      while (!program.stderr.includes('\n')) await pause(50);
      expect(performance.now() - before).to.be.within(4000, 7000);
      expect(program.stderr).to.equal('All tasks have ended, but the process is kept open by: TCPServerWrap (1)\n');
      expect(program.child.exitCode).to.equal(null);
      program.kill('SIGTERM');
      // No listener is left: the signal does what it does to any process.
      expect((await program.ended).signal).to.equal('SIGTERM');
    });

    it('names each kind of what keeps it open, and how many there are', async () => {
      const program = start('open handles');
      await program.waitFor('Clean');
      while (!program.stderr.includes('\n')) await pause(50);
      expect(program.stderr).to.match(
        /kept open by: (?=.*\bPipeWrap \(2\))(?=.*\bProcessWrap \(1\))\w+ \(\d\), \w+ \(\d\)\n$/,
      );
      program.kill('SIGTERM');
      await program.ended;
    });

    it('stops with its parent, leaves nothing in it, and completes its observer', async () => {
      const { code, stdout } = await run('under a parent');
      expect(code).to.equal(0);
      expect(stdout)
        .to.include('Stopped by Error: deployed elsewhere. Clean')
        .and.include('complete')
        .and.include('hanging 0');
    });

    it('rejects, and lets go of the process, when one of the runners is under way already', async () => {
      const { code, stdout, stderr } = await run('busy runner');
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(stdout).to.equal('AlreadyRunningError: busy is already running\nlisteners 0\n');
    });

    it('does not name the terminal itself as what keeps the process open', async () => {
      const program = startOnTerminal('open handle');
      await program.waitFor('kept open by');
      await program.waitFor('Wrap');
      expect(program.stdout).to.match(/kept open by: TCPServerWrap \(1\)\r?\n/);
      program.child.stdin?.write('\x03');
      await program.ended;
    });

    it('names nothing while another application of the process is under way', async () => {
      const program = start('one after the other');
      await program.waitFor('up');
      await pause(5500);
      program.kill('SIGTERM');
      expect(await program.ended).to.include({ code: 0, stderr: '' });
    });

    it('leaves no child in the parent when it refuses its input', () => {
      const [parent] = withCancel();
      expect(() => runMain([{} as never], { parent })).to.throw(TypeError);
      expect(() => runMain([], { observe: 1 } as never)).to.throw(TypeError, 'got `observe` (unknown)');
      expect(listenerCount(parent)).to.equal(0);
    });

    it('serves several applications in one process', async () => {
      const { code, stdout } = await signalled('two applications', 'SIGTERM');
      expect(code).to.equal(0);
      expect(stdout.match(/finalized/g)).to.have.length(2);
      expect(stdout).to.include(noListener);
    });
  });

  describe('on an uncaught exception or unhandled rejection', () => {
    it('writes it, stops all without waiting for a drain, and exits 1', async () => {
      for (const name of ['uncaught', 'unhandled']) {
        const { code, stdout, stderr } = await run(name);
        expect(code, name).to.equal(1);
        expect(stderr, name).to.match(new RegExp(`^Error: ${name}\n`));
        expect(stdout, name)
          .to.include('finalized')
          .and.include(`Stopped by Error: ${name}. Not clean`)
          .and.include(noListener);
      }
    });

    it('says so when there is no error', async () => {
      const { code, stdout, stderr } = await run('rejected with undefined');
      expect(code).to.equal(1);
      expect(stderr).to.match(/^Error: Thrown or rejected with undefined\n/);
      expect(stdout).to.include('Stopped by Error: Thrown or rejected with undefined. Not clean');
    });

    it('exits at once on a second one', async () => {
      const { code, stdout, stderr } = await run('uncaught twice');
      expect(code).to.equal(1);
      expect(stderr.match(/Error: uncaught/g)).to.have.length(2);
      expect(stdout).to.include('finalize').and.not.include('listeners');
    });
  });

  describe('stdout is a full pipe at exit: complete output, or forced at the deadline', () => {
    /** The program, signalled when it says on stderr that it is up, with a reader that is late and slow. */
    async function readLate(
      name: string,
      everyMs: number,
      ...signals: NodeJS.Signals[]
    ): Promise<{ code: unknown; text: string; length: number }> {
      const child = spawn(process.execPath, ['--import', 'tsx', path, name], { stdio: ['ignore', 'pipe', 'pipe'] });
      const ended = new Promise((resolve) => child.on('close', resolve));
      await new Promise((resolve) => child.stderr.once('data', resolve));
      for (const signal of signals) {
        child.kill(signal);
        await pause(100);
      }
      await pause(300);
      let text = '';
      for await (const data of child.stdout as AsyncIterable<Buffer>) {
        text += String(data);
        await pause(everyMs);
      }
      return { code: await ended, text, length: text.length };
    }

    it('after a clean end', async () => {
      const { code, length } = await readLate('much output', 5);
      expect(code).to.equal(0);
      expect(length).to.be.above(1 << 20);
    });

    it('before a forced exit, however slow the reader, as long as it reads, and nothing besides', async () => {
      const { code, text, length } = await readLate('much output, second signal', 150, 'SIGTERM', 'SIGTERM');
      expect(code).to.equal(143);
      expect(length).to.be.above(1 << 20);
      expect(text.slice(-20)).to.match(/^x+\n$/);
    });

    it('of stderr, too', async () => {
      const child = spawn(process.execPath, ['--import', 'tsx', path, 'much error output, second signal']);
      const ended = new Promise((resolve) => child.on('close', resolve));
      await new Promise((resolve) => child.stdout.once('data', resolve));
      for (const signal of ['SIGTERM', 'SIGTERM'] as const) {
        child.kill(signal);
        await pause(100);
      }
      await pause(300);
      let length = 0;
      for await (const data of child.stderr as AsyncIterable<Buffer>) length += data.length;
      expect([await ended, length > 1 << 20]).to.deep.equal([143, true]);
    });

    it('by the one deadline, however long the tasks took of it', async () => {
      const child = spawn(process.execPath, ['--import', 'tsx', path, 'slow end, output that nobody reads']);
      await new Promise((resolve) => child.stderr.once('data', resolve));
      const asked = performance.now();
      child.kill('SIGTERM');
      const code = await new Promise((resolve) => child.on('exit', resolve));
      // The tasks take 1.5 s of the 2 s; then nothing moves for a second.
      expect(performance.now() - asked).to.be.within(2900, 4000);
      child.stdout.destroy();
      expect(code).to.equal(1);
    });

    it('but not for what is written after a clean end, which is no concern of the deadline', async () => {
      const { code, length } = await readLate('output afterwards', 50);
      expect(code).to.equal(0);
      expect(length).to.be.above((1 << 17) + 20 * (1 << 16));
    });

    it('before a forced exit, that nobody reads: exits a second later', async () => {
      const child = spawn(process.execPath, ['--import', 'tsx', path, 'much output, overrun'], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const cancelled = new Promise((resolve) => child.stderr.once('data', resolve));
      // It ends at the deadline only once it has been asked to stop.
      await new Promise((resolve) => child.stdout.once('readable', resolve));
      child.kill('SIGTERM');
      await cancelled;
      const code = await new Promise((resolve) => child.on('exit', resolve));
      child.stdout.destroy();
      expect(code).to.equal(1);
    });

    it('that nobody reads: exits 1 at the deadline', async () => {
      const child = spawn(process.execPath, ['--import', 'tsx', path, 'much output that nobody reads'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const code = await new Promise((resolve) => child.on('exit', resolve));
      child.stdout.destroy();
      expect(code).to.equal(1);
    });
  });

  it('refuses bad input, synchronously, and touches nothing', () => {
    const before = process.listenerCount('SIGTERM');
    expect(() => runMain([{} as never])).to.throw(TypeError, 'Expected `task`');
    expect(() => runMain([task('x', () => 1)], { timeout: -1 })).to.throw(RangeError, 'Expected `timeout`');
    expect(() => runMain([], { exitCode: 143 as never })).to.throw(
      RangeError,
      "Expected `exitCode` to be 'zero' or 'signal', got `143` (number)",
    );
    expect(() => runMain([], { instrumentation: 1 as never })).to.throw(
      TypeError,
      'Expected `instrumentation` to be an array, got `1` (number)',
    );
    expect(process.listenerCount('SIGTERM')).to.equal(before);
  });
});
