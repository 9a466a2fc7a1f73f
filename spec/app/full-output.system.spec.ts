import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { compileProgram } from '../helpers/compile-program.js';
import { echoTime } from '../helpers/program.js';
import { pause } from '../helpers/wait.js';

const path = compileProgram('spec/fixtures/app.ts');

describe('A process whose output fills a pipe at the exit', () => {
  const startPiped = (name: string) => spawn(process.execPath, [path, name], { stdio: ['ignore', 'pipe', 'pipe'] });
  type PipedProcess = ReturnType<typeof startPiped>;

  const closeOf = (child: ChildProcess) => new Promise<unknown>((resolve) => child.on('close', resolve));
  const exitOf = (child: ChildProcess) => new Promise<unknown>((resolve) => child.on('exit', resolve));

  /** Resolves when a stream of the process has emitted a text. Drops all other output of the stream. */
  async function waitForText(stream: PipedProcess['stderr'], text: string): Promise<void> {
    let output = '';
    await new Promise<void>((resolve) => {
      const onData = (data: Buffer) => {
        output += String(data);
        if (!output.includes(text)) return;
        stream.off('data', onData);
        resolve();
      };
      stream.on('data', onData);
    });
    stream.resume();
  }

  /** Reads all stdout, with a pause before the first and after each chunk. */
  async function readSlowly(stream: PipedProcess['stdout'], chunkMs: number): Promise<string> {
    await pause(300);
    let text = '';
    for await (const data of stream as AsyncIterable<Buffer>) {
      text += String(data);
      await pause(chunkMs);
    }
    return text;
  }

  it('writes all output after a clean end', async () => {
    const child = startPiped('much output');
    const closed = closeOf(child);
    await waitForText(child.stderr, 'up');
    const text = await readSlowly(child.stdout, 5);
    expect(await closed).to.equal(0);
    expect(text).to.have.length.above(1 << 20);
  });

  it('writes all output, and no more, before a forced exit as long as a slow reader reads', async () => {
    const child = startPiped('much output, second signal');
    const closed = closeOf(child);
    await waitForText(child.stderr, 'up');
    child.kill('SIGTERM');
    await waitForText(child.stderr, 'cancelled');
    await echoTime();
    child.kill('SIGTERM');
    const text = await readSlowly(child.stdout, 100);
    expect(await closed).to.equal(143);
    expect(text).to.have.length.above(1 << 20);
    expect(text.slice(-20)).to.match(/^x+\n$/);
  });

  it('writes all of stderr, too, before a forced exit', async () => {
    const child = startPiped('much error output, second signal');
    const closed = closeOf(child);
    await waitForText(child.stdout, 'up');
    child.kill('SIGTERM');
    await waitForText(child.stdout, 'finalize');
    await echoTime();
    child.kill('SIGTERM');
    const text = await readSlowly(child.stderr, 0);
    expect(await closed).to.equal(143);
    expect(text).to.have.length.above(1 << 20);
  });

  it('counts the time that the tasks took to stop towards the deadline', async () => {
    const child = startPiped('slow end, output that is not read');
    let stderr = '';
    child.stderr.on('data', (data: Buffer) => (stderr += String(data)));
    const exited = exitOf(child);
    await waitForText(child.stderr, 'up');
    const start = performance.now();
    child.kill('SIGTERM');
    expect(await exited).to.equal(1);
    // The deadline is at 2 s. The process exits after another second without progress.
    expect(performance.now() - start).to.be.above(2900);
    child.stdout.destroy();
    expect(stderr).to.not.include('exit is late');
  });

  it('does not apply the deadline to output that is written after a clean end', async () => {
    const child = startPiped('output afterwards');
    const closed = closeOf(child);
    await waitForText(child.stderr, 'up');
    const text = await readSlowly(child.stdout, 180);
    expect(await closed).to.equal(0);
    expect(text).to.have.length.above((1 << 17) + 20 * (1 << 16));
  });

  it('keeps the exit code of a clean end if a slow reader reads until after the deadline', async () => {
    const child = startPiped('much output, short timeout');
    const closed = closeOf(child);
    await waitForText(child.stderr, 'up');
    const text = await readSlowly(child.stdout, 50);
    expect(await closed).to.equal(0);
    expect(text).to.have.length.above(1 << 20);
  });

  it('exits a second after a forced exit if the output is not read', async () => {
    const child = startPiped('much output, overrun');
    const exited = exitOf(child);
    await new Promise((resolve) => child.stdout.once('readable', resolve));
    child.kill('SIGTERM');
    await waitForText(child.stderr, 'Exiting with 1');
    expect(await exited).to.equal(1);
    child.stdout.destroy();
  });

  it('exits with 1 at the deadline if the output of a clean end is not read', async () => {
    const child = startPiped('much output that is not read');
    const exited = exitOf(child);
    child.stderr.resume();
    expect(await exited).to.equal(1);
    child.stdout.destroy();
  });
});
