import { expect } from 'chai';
import { compileProgram } from '../helpers/compile-program.js';
import { Program } from '../helpers/program.js';

const path = compileProgram('spec/fixtures/slot-log.ts');
const start = (name: string) => new Program(process.execPath, [path, name]);
const time = String.raw`\d{4}-\d{2}-\d{2}T[\d:.]+Z`;

/** Returns the lines about a cron. */
const cronLines = (stderr: string) => stderr.split('\n').filter((line) => line.startsWith('Cron '));

describe('A cron of a process without an observer', () => {
  it('writes the slots that it has missed while the event loop was blocked', async () => {
    const { stderr, stdout, code } = await start('blocked').ended;
    const lines = cronLines(stderr);
    expect([stdout, code, stderr]).to.deep.equal(['', 0, lines.map((line) => `${line}\n`).join('')]);
    expect(lines[0]).to.match(new RegExp(`^Cron report: \\d+ slots missed since ${time}$`));
    const counts = lines.map((line) => Number(/(\d+) slots? missed/.exec(line)?.[1] ?? 0));
    expect(counts.reduce((sum, count) => sum + count)).to.be.at.least(10);
  });

  it('writes the first slot that is skipped while its run hangs, and the others at the deadline', async () => {
    const program = start('hanging');
    await program.waitFor('skipped', 'stderr');
    program.kill('SIGTERM');
    const { stderr, code } = await program.ended;
    // A busy machine may also miss slots.
    const [first = '', ...others] = cronLines(stderr).filter((line) => line.includes('skipped'));
    const running = String.raw`; its run has been going on for \d`;
    expect(first).to.match(new RegExp(`^Cron report: 1 slot skipped \\(overlap\\) at ${time}${running}`));
    for (const line of others) expect(line).to.match(new RegExp(`slots? skipped .*${running}`));
    expect([others.length < 2, code]).to.deep.equal([true, 1]);
  });

  for (const name of ['stopping', 'stopping in a task']) {
    it(`writes the error that stops it once (${name})`, async () => {
      const { stderr, code } = await start(name).ended;
      const task = name === 'stopping' ? 'report' : 'tenant/report';
      expect(stderr.split('\n').filter((line) => line.startsWith('TaskError'))).to.deep.equal([
        `TaskError: ${task} failed in execute: boom`,
      ]);
      expect(code).to.equal(1);
    });
  }
});
