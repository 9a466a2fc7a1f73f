import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { scenario } from 'rxjs-tasks/testing';
import { jobs } from '../../examples/nightshift/jobs.js';
import { replay } from '../../examples/nightshift/replay.js';
import { Program } from '../helpers/program.js';

const start = (...args: string[]) =>
  new Program(process.execPath, [
    '--import',
    'tsx',
    fileURLToPath(new URL('../../examples/nightshift.ts', import.meta.url)),
    ...args,
  ]);

/** What backup and report do between two times in Berlin. */
function night(from: string, to: string): string[] {
  const rare = jobs('Europe/Berlin').filter(({ runner }) => ['report', 'backup'].includes(String(runner)));
  return replay(rare, Date.parse(from), Date.parse(to), 'Europe/Berlin').filter((line) => line.endsWith('starts'));
}

describe('The example with crons', function () {
  this.timeout(20_000);

  it('backs up right after the gap in the night in which 02:30 does not exist', () => {
    expect(night('2026-03-29T00:30:00+01:00', '2026-03-29T05:30:00+02:00')).to.deep.equal([
      '2026-03-29 01:00:00 +01:00  report  starts',
      '2026-03-29 03:00:00 +02:00  report  starts',
      '2026-03-29 03:00:00 +02:00  backup  starts',
      '2026-03-29 04:00:00 +02:00  report  starts',
      '2026-03-29 05:00:00 +02:00  report  starts',
    ]);
  });

  it('backs up once, and reports every hour, in the night in which 02:30 comes twice', () => {
    expect(night('2026-10-25T00:30:00+02:00', '2026-10-25T03:30:00+01:00')).to.deep.equal([
      '2026-10-25 01:00:00 +02:00  report  starts',
      '2026-10-25 02:00:00 +02:00  report  starts',
      '2026-10-25 02:30:00 +02:00  backup  starts',
      '2026-10-25 02:00:00 +01:00  report  starts',
      '2026-10-25 03:00:00 +01:00  report  starts',
    ]);
  });

  it('works through the night in which 02:30 does not exist', async () => {
    await scenario({
      run: () =>
        jobs('Europe/Berlin')
          .map(({ runner }) => runner)
          .filter((runner) => ['report', 'backup'].includes(String(runner))),
      at: '2026-03-29T00:00:00Z',
      duration: 3 * 3_600_000,
      values: { r: 'sent the report of the hour', b: 'backed up' },
      expect: `
        report  > 59m 59.999s + 29.999s r 9m 29.999s - 49m 59.999s + 29.999s r 59m 29.999s +
        backup  > 59m 59.999s + 29.999s - 9m 29.999s b
      `,
    });
  });

  it('has the slot that comes during a run wait, and drops the one after it', async () => {
    await scenario({
      run: () => jobs('UTC').flatMap(({ runner }) => (String(runner) === 'prices' ? [runner] : [])),
      at: '2026-03-29T00:00:00.001Z',
      duration: 26_000,
      values: { p: 'updated the prices' },
      expect: `prices  > 4.998s + 5.999s : 1.999s (p+) 2.999s : 3.999s / 999ms (p+) 3.999s - 999ms :`,
    });
  });

  it('shows such a night', async () => {
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

  it('says what runs next, runs it, and ends at a Ctrl-C', async () => {
    const program = start('--zone', 'UTC');
    await program.says('prices  starts');
    program.kill('SIGINT');
    const { code, stdout, stderr } = await program.ended;
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.match(/^backup {2}30 2 \* \* \* {6}next \d{4}-\d\d-\d\d 02:30:00 \+00:00$/m);
    expect(stdout).to.match(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d[05] \+00:00 {2}prices {2}starts$/m);
    expect(stdout)
      .to.match(/prices {2}cancelled\n/)
      .and.include('Received SIGINT. Clean');
  });

  it('says in one line what is wrong with its arguments, and exits with 2', async () => {
    for (const [args, line] of [
      [['--zone', 'Mars'], "Expected `timezone` to be a time zone of the IANA database, got `'Mars'` (string)\n"],
      [['--replay', '2026-13-01'], 'Expected --replay to be a date such as 2026-03-29, got `2026-13-01`\n'],
      [['--every'], "Unknown option '--every'\n"],
    ] as const)
      expect(await start(...args).ended, line).to.include({ code: 2, stdout: '', stderr: line });
  });
});
