import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { runMain, task } from '../lib/index.js';
import { Program, type Ended } from './helpers/program.js';

const path = fileURLToPath(new URL('fixtures/app.ts', import.meta.url));

function start(name: string): Program {
  return new Program(process.execPath, ['--import', 'tsx', path, name]);
}

function run(name: string): Promise<Ended> {
  return start(name).ended;
}

async function signalled(name: string, ...signals: NodeJS.Signals[]): Promise<Ended> {
  const program = start(name);
  await program.says('up');
  program.kill(...signals);
  return program.ended;
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
        await program.says('up');
        program.kill(signal);
        await program.says('finalize');
        program.kill(signal);
        const ended = await program.ended;
        expect([ended.code, ended.signal]).to.deep.equal([code, null]);
        expect(ended.ms).to.be.below(1000);
        expect(ended.stdout).to.not.include('listeners');
      }
    });

    it('a second signal of the other kind: 128 + its number', async () => {
      const program = start('hanging');
      await program.says('up');
      program.kill('SIGINT');
      await program.says('finalize');
      await new Promise((resolve) => setTimeout(resolve, 100));
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
      // `script` gives the program a terminal, on which \x03 is a Ctrl-C, and exits as the program does.
      const onTerminal = (name: string) =>
        new Program('script', ['-qec', `${process.execPath} --import tsx ${path} ${name}`, '/dev/null']);
      const patient = onTerminal('worker');
      await patient.says('up');
      patient.child.stdin?.write('\x03\x03');
      const ended = await patient.ended;
      expect(ended.stdout).to.include('finalized').and.include('Received SIGINT');
      expect(ended.code).to.equal(0);

      const impatient = onTerminal('hanging');
      await impatient.says('up');
      impatient.child.stdin?.write('\x03');
      await impatient.says('finalize');
      await new Promise((resolve) => setTimeout(resolve, 300));
      impatient.child.stdin?.write('\x03');
      expect((await impatient.ended).code).to.equal(130);
    });
  });

  describe('at the end', () => {
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

    it('leaves the writing to an observer', async () => {
      const { code, stdout, stderr } = await run('observed');
      expect([code, stderr]).to.deep.equal([1, '']);
      expect(stdout.split('\n').slice(0, 4)).to.deep.equal(['ready', 'done', 'cancelled', 'shutdown']);
    });

    it('names laggards past the deadline and exits 1, after whoever awaits the report', async () => {
      const { code, stdout, stderr } = await signalled('overrun', 'SIGTERM');
      expect(code).to.equal(1);
      expect(stderr).to.equal(
        'Not ended within 100 ms of the cancel, exiting with 1: hanging (finalizing), deaf (running)\n',
      );
      expect(stdout).to.include('hanging  timed-out').and.include(noListener);
    });

    it('names what keeps the process open 5 s after a clean stop', async () => {
      const program = start('open handle');
      await program.says('Clean');
      while (!program.stderr.includes('\n')) await new Promise((resolve) => setTimeout(resolve, 50));
      expect(program.stderr).to.equal('All tasks have ended, but the process is kept open by: TCPServerWrap (1)\n');
      expect(program.child.exitCode).to.equal(null);
      program.kill('SIGTERM');
      // No listener is left: the signal does what it does to any process.
      expect((await program.ended).signal).to.equal('SIGTERM');
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

    it('exits at once on a second one', async () => {
      const { code, stdout, stderr } = await run('uncaught twice');
      expect(code).to.equal(1);
      expect(stderr.match(/Error: uncaught/g)).to.have.length(2);
      expect(stdout).to.include('finalize').and.not.include('listeners');
    });
  });

  describe('stdout is a full pipe at exit: complete output, or forced at the deadline', () => {
    /** The program with a reader that begins after a while. */
    function readLate(
      name: string,
      signals: number[] = [],
    ): Promise<{ code: number | null; length: number; ms: number }> {
      const began = performance.now();
      const child = spawn(process.execPath, ['--import', 'tsx', path, name], { stdio: ['ignore', 'pipe', 'inherit'] });
      let length = 0;
      for (const ms of signals) setTimeout(() => child.kill('SIGTERM'), ms);
      setTimeout(
        () => child.stdout.on('data', (data: Buffer) => (length += data.length)),
        signals.length ? 1900 : 1000,
      );
      return new Promise((resolve) =>
        child.on('close', (code) => resolve({ code, length, ms: performance.now() - began })),
      );
    }

    it('after a clean end', async () => {
      const { code, length } = await readLate('much output');
      expect(code).to.equal(0);
      expect(length).to.be.above(1 << 20);
    });

    it('before a forced exit', async () => {
      const { code, length } = await readLate('much output, second signal', [1500, 1600]);
      expect(code).to.equal(143);
      expect(length).to.be.above(1 << 20);
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
    expect(process.listenerCount('SIGTERM')).to.equal(before);
  });
});
