import { expect } from 'chai';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { compileProgram } from '../helpers/compile-program.js';
import { echoTime, Program, type ProgramResult } from '../helpers/program.js';

const path = compileProgram('spec/fixtures/lingering.ts');

function start(name: string, linger: number): Program {
  return new Program(process.execPath, [path, name, String(linger)]);
}

async function runAndStop(name: string, linger: number): Promise<ProgramResult> {
  const program = start(name, linger);
  await program.waitFor('up');
  program.kill('SIGTERM');
  return program.ended;
}

/** A child with an IPC channel. */
function startForked(name: string, linger = 60_000) {
  const child = fork(path, [name, String(linger)], {
    execArgv: [],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const output = child.stdout ? text(child.stdout) : Promise.resolve('');
  return { child, output, ended: once(child, 'exit') };
}

describe('A process that something keeps open after its application', () => {
  it('exits with its code when `linger` is over, and names what kept it open', async () => {
    expect(await runAndStop('open handle', 300)).to.include({
      code: 0,
      signal: null,
      stderr: 'Exiting with 0, because Timeout (1) kept the process open for 300 ms after its tasks\n',
    });
  });

  it('exits at once and in silence if nothing is open and `linger` is 0', async () => {
    expect(await runAndStop('nothing open', 0)).to.include({ code: 0, signal: null, stderr: '' });
  });

  it('exits with 1 after a failure of a task, and after an uncaught error', async () => {
    for (const name of ['open handle, failure', 'open handle, uncaught']) {
      const { code, stdout, stderr } = await start(name, 100).ended;
      expect(code, name).to.equal(1);
      expect(stdout, name).to.include('finalized').and.include('Not clean');
      expect(stderr, name).to.match(/Exiting with 1, because Timeout \(1\) kept the process open for 100 ms/);
    }
  });

  it('gives the code after `runMain` the time of `linger`', async () => {
    const { code, stdout, stderr } = await runAndStop('flush afterwards', 60_000);
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.include('flushed');
  });

  it('does not let an echo of the signal kill the code after `runMain`, and lets a later signal', async () => {
    let echoed: ProgramResult;
    // On a busy machine the signals would come too late for an echo.
    do echoed = await runAndStop('echoes afterwards', 60_000);
    while (echoed.stdout.includes('too late'));
    expect([echoed.code, echoed.signal]).to.deep.equal([0, null]);
    expect(echoed.stdout).to.include('survived');

    const lingering = start('open handle', 60_000);
    await lingering.waitFor('up');
    lingering.kill('SIGTERM');
    await lingering.waitFor('Clean');
    await echoTime();
    lingering.kill('SIGINT');
    expect((await lingering.ended).signal).to.equal('SIGINT');
  });

  it('exits with the code that is set afterwards', async () => {
    const { code, stderr } = await runAndStop('exit code afterwards', 100);
    expect(code).to.equal(7);
    expect(stderr).to.include('Exiting with 7');
  });

  it('stays open for another application', async () => {
    const { code, stdout, stderr } = await runAndStop('another application afterwards', 300);
    expect([code, stderr]).to.deep.equal([9, '']);
    expect(stdout).to.include('second ended\nstill open');
  });

  it('stays open until all its applications have ended', async () => {
    const { code, stdout } = await runAndStop('two applications', 300);
    expect(code).to.equal(0);
    expect(stdout).to.include('slow ended');
  });

  it('names what keeps it open after 5 s, and stays, with an infinite `linger`', async () => {
    const program = start('open handle', Infinity);
    await program.waitFor('up');
    program.kill('SIGTERM');
    await program.waitFor('\n', 'stderr');
    expect(program.stderr).to.equal('All tasks have ended, but open handles keep the process alive: Timeout (1)\n');
    expect(program.child.exitCode).to.equal(null);
    program.kill('SIGKILL');
    await program.ended;
  });

  it('exits as a child that listens to messages of its parent', async () => {
    const { child, ended } = startForked('messages of the parent', 200);
    await once(child, 'message');
    child.kill('SIGTERM');
    expect(await ended).to.deep.equal([0, null]);
  });
});

describe('A process with `disconnect`', () => {
  it('stops when its parent ends the channel, and does not take that for a second request', async () => {
    for (const stop of [
      (child: ReturnType<typeof fork>) => child.disconnect(),
      (child: ReturnType<typeof fork>) => {
        child.kill('SIGTERM');
        child.disconnect();
      },
    ]) {
      const { child, output, ended } = startForked('stops with the parent');
      await once(child, 'message');
      stop(child);
      expect(await ended).to.deep.equal([0, null]);
      expect(await output)
        .to.include('finalized')
        .and.include('Clean');
    }
  });

  it('finalizes as a worker of a cluster whose primary is killed, which Node would end at once', async () => {
    const program = start('is the primary of a cluster', 60_000);
    await program.waitFor('up');
    program.kill('SIGKILL');
    const { stdout } = await program.ended;
    expect(stdout)
      .to.include('finalized')
      .and.include('Stopped by CancelledError: The IPC channel to the parent process has ended. Clean');
  });

  it('stops at once when the channel has ended before the start', async () => {
    const { output, ended } = startForked('stops with a parent that has ended');
    expect(await ended).to.deep.equal([0, null]);
    expect(await output)
      .to.include('finalized')
      .and.include('Stopped by CancelledError: The IPC channel to the parent process has ended. Clean');
  });

  it('runs as usual when it never had a channel', async () => {
    const { code, stdout } = await runAndStop('has no parent to stop with', 60_000);
    expect(code).to.equal(0);
    expect(stdout).to.include('Received SIGTERM. Clean');
  });
});

describe('A process whose exit waits for a blocked thread', () => {
  it('is killed half a second after the exit at the deadline, or after `linger`', async () => {
    for (const [name, code, thread] of [
      ['a blocked thread of the pool', 1, 'a thread in a blocking system call: FSReqCallback'],
      ['a blocked worker thread', 0, 'a thread in a blocking system call'],
    ] as const) {
      const { signal, stdout, stderr } = await runAndStop(name, 100);
      expect(signal, name).to.equal('SIGKILL');
      expect(stdout, name).to.include('finalized');
      expect(stderr, name).to.match(
        new RegExp(
          `Exiting with ${code}, because .*\nKilling the process: ` +
            `after 500 ms the exit with ${code} still waits for ${thread}`,
        ),
      );
    }
  });
});
