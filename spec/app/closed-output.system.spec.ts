import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { compileProgram } from '../helpers/compile-program.js';

const path = compileProgram('spec/fixtures/printing.ts');

/** A program whose notes come on another pipe than its output. */
function start(command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const [, stdout, stderr, notes] = child.stdio as unknown as [null, Readable, Readable, Readable];
  let noted = '';
  notes.setEncoding('utf8').on('data', (text: string) => (noted += text));
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number,
    signal: signal as string,
    noted,
  }));
  const waitFor = async (text: string) => {
    while (!noted.includes(text)) await once(notes, 'data');
    return noted;
  };
  /** Resolves when the program has printed ten more lines. */
  const printed = async () => {
    const count = () => noted.split('printed\n').length;
    for (const before = count(); count() < before + 10;) await once(notes, 'data');
  };
  return { child, stdout, stderr, ended, waitFor, printed };
}

const startDirectly = (how: string, stream: string) => start(process.execPath, [path, how, stream]);

describe('A process whose output nobody reads any longer', () => {
  describe('ends as usual when the reader of its output is gone', () => {
    for (const how of ['console', 'write'])
      for (const stream of ['stdout', 'stderr'] as const)
        it(`that it writes with ${how} to ${stream}`, async () => {
          const { child, ended, waitFor, printed, ...outputs } = startDirectly(how, stream);
          await waitFor('up');
          await once(outputs[stream], 'data');
          outputs[stream].destroy();
          outputs.stdout.resume();
          outputs.stderr.resume();
          await printed();
          child.kill('SIGTERM');
          const { noted, ...result } = await ended;
          expect({ ...result, noted: noted.replaceAll(/^(?:up .*|printed)\n/gm, '') }).to.deep.equal({
            code: 0,
            signal: null,
            noted: 'finalized\nclean true\nexit 0\n',
          });
        });
  });

  it('goes on behind `head`', async () => {
    const program = `${process.execPath} ${path} write stdout`;
    const { stdout, ended, waitFor, printed } = start('sh', ['-c', `${program} | head -n 1`]);
    const firstLine = once(stdout, 'data');
    const noted = await waitFor('\n');
    await firstLine;
    await printed();
    process.kill(Number(/up (\d+)/.exec(noted)?.[1]), 'SIGTERM');
    expect((await ended).noted).to.include('finalized\nclean true\nexit 0\n');
  });

  it('fails when its output cannot be written for another reason', async () => {
    const { stderr: errors, ended } = start('sh', [
      '-c',
      `exec ${process.execPath} ${path} write stdout > /dev/full`,
    ]);
    let stderr = '';
    errors.on('data', (data: Buffer) => (stderr += String(data)));
    const { code, noted } = await ended;
    expect([code, noted.includes('finalized')]).to.deep.equal([1, true]);
    expect(stderr).to.include('ENOSPC');
  });
});
