import { expect } from 'chai';
import { compileProgram } from '../helpers/compile-program.js';
import { Program } from '../helpers/program.js';

describe('A cron whose event loop was blocked for 5 s', () => {
  it('reports or runs the slots that passed by `missed`, without a burst', async () => {
    const program = new Program(process.execPath, [compileProgram('spec/fixtures/blocked.ts')]);
    const { stdout, stderr, code } = await program.ended;
    expect([stderr, code]).to.deep.equal(['', 0]);
    const logs = JSON.parse(stdout) as Record<string, string[]>;
    for (const schedule of ['1000', '* * * * * *']) {
      for (const missed of ['skip', 'runOnce', 'runAll']) {
        const log = logs[`${schedule}, ${missed}`] ?? [];
        // Usually 5300, later on a busy machine.
        const end = Number(log[0]?.split(':')[0]);
        const count = Math.floor(end / 1000);
        expect(count).to.be.at.least(5);
        const latest = count * 1000;
        const run = (slot: number) => (end - slot > 100 ? [`overdue ${slot}`, `started ${slot}`] : [`started ${slot}`]);
        const expected: Record<string, string[]> = {
          skip: end - latest > 100 ? [`missed 1000 ×${count}`] : [`missed 1000 ×${count - 1}`, `started ${latest}`],
          runOnce: [`missed 1000 ×${count - 1}`, ...run(latest)],
          runAll: Array.from({ length: count }, (_, k) => run((k + 1) * 1000)).flat(),
        };
        const lines = log.map((line) => line.replace(/^\d+: /, '').replace(/ by \d+$/, ''));
        expect(lines.slice(0, expected[missed]?.length)).to.deep.equal(expected[missed]);
      }
    }
  });
});
