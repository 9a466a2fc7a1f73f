import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { Program, type ProgramResult } from '../helpers/program.js';

const path = fileURLToPath(new URL('../fixtures/threads/app.ts', import.meta.url));

function start(name: string): Program {
  return new Program(process.execPath, ['--import', 'tsx', path, name]);
}

/** Starts a program, sends it a SIGTERM when it is up, and waits for its end. */
async function terminate(name: string): Promise<ProgramResult> {
  const program = start(name);
  await program.waitFor('up');
  program.kill('SIGTERM');
  return program.ended;
}

describe('A pool of threads in a process that gets a SIGTERM', () => {
  it('delivers the results that a task awaits, and lets the process exit cleanly', async () => {
    const { code, stdout, stderr } = await terminate('awaiting');
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.include('first undisturbed\nsecond 42\nStopped by SignalError: Received SIGTERM. Clean');
  });

  it('interrupts the busy loop of a stream, and lets the process exit cleanly', async () => {
    const { code, stdout, stderr } = await terminate('streaming');
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout)
      .to.match(/Clean/)
      .and.match(/threads +cancelled/)
      .and.match(/streaming +cancelled/);
  });

  it('rejects another run of a cancelled task, which counts as cancelled', async () => {
    const { code, stdout, stderr } = await terminate('late');
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.match(/late +cancelled/);
  });

  it('runs a job of a finalize in an ordered group', async () => {
    const { code, stdout } = await terminate('user');
    expect(code).to.equal(0);
    expect(stdout).to.include('up\nfinalize 42\nStopped');
  });

  it('is named when it does not end within the deadline', async () => {
    const { code, signal, stderr } = await terminate('hanging');
    // On a busy machine the threads may take so long to end that the process kills itself.
    expect(signal ?? code).to.be.oneOf([1, 'SIGKILL']);
    expect(stderr).to.include(
      'Exiting with 1, because tasks did not end within 300 ms of the cancel: threads (finalize)',
    );
  });
});

describe('A pool of threads that is never started', () => {
  it('does not keep the process alive', async () => {
    const { code, stdout, stderr } = await start('unstarted').ended;
    expect([code, stdout, stderr]).to.deep.equal([0, '42\n', '']);
  });
});
