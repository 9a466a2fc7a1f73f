import { expect } from 'chai';
import { compileProgram } from '../helpers/compile-program.js';
import { Program } from '../helpers/program.js';

const start = (...args: string[]) => new Program(process.execPath, [compileProgram('examples/nightshift.ts'), ...args]);

describe('The nightshift example', () => {
  it('replays a night without 02:30', async () => {
    const { code, stdout } = await start('--zone', 'Europe/Berlin', '--replay', '2026-03-29').ended;
    expect([code, stdout.split('\n').slice(0, 6)]).to.deep.equal([
      0,
      [
        '2026-03-29 00:00:00 +01:00  report  starts',
        '2026-03-29 00:00:30 +01:00  report  sent the report of the hour',
        '2026-03-29 01:00:00 +01:00  report  starts',
        '2026-03-29 01:00:30 +01:00  report  sent the report of the hour',
        '2026-03-29 03:00:00 +02:00  report  starts',
        '2026-03-29 03:00:00 +02:00  backup  starts',
      ],
    ]);
  });

  it('prints the next runs, runs them, and ends at a Ctrl-C', async () => {
    const program = start('--zone', 'UTC');
    await program.waitFor('prices  starts');
    program.kill('SIGINT');
    const { code, stdout, stderr } = await program.ended;
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.match(/^backup {2}30 2 \* \* \* {6}next \d{4}-\d\d-\d\d 02:30:00 \+00:00$/m);
    expect(stdout).to.match(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d[05] \+00:00 {2}prices {2}starts$/m);
    expect(stdout)
      .to.match(/prices {2}cancelled\n/)
      .and.include('Received SIGINT. Clean');
  });

  it('prints one line about invalid arguments, and exits with 2', async () => {
    for (const [args, line] of [
      [['--zone', 'Mars'], "Expected `timezone` to be a time zone of the IANA database, got `'Mars'` (string)\n"],
      [['--replay', '2026-02-30'], 'Expected --replay to be a date such as 2026-03-29, got `2026-02-30`\n'],
      [['--replay', '2026-13-01'], 'Expected --replay to be a date such as 2026-03-29, got `2026-13-01`\n'],
      [['--every'], "Unknown option '--every'\n"],
    ] as const)
      expect(await start(...args).ended, line).to.include({ code: 2, stdout: '', stderr: line });
  });
});
