import { expect } from 'chai';
import { scenario } from 'rxjs-tasks/testing';
import { jobs } from '../../examples/nightshift/jobs.js';
import { replay } from '../../examples/nightshift/replay.js';

/** Returns the starts of `backup` and `report` between two times in Berlin. */
function startsOf(from: string, to: string): string[] {
  const selected = jobs('Europe/Berlin').filter(({ runner }) => ['report', 'backup'].includes(String(runner)));
  return replay(selected, Date.parse(from), Date.parse(to), 'Europe/Berlin').filter((line) => line.endsWith('starts'));
}

describe('The nightshift example in virtual time', () => {
  it('backs up at 03:00 in a night in which 02:30 does not exist', () => {
    expect(startsOf('2026-03-29T00:30:00+01:00', '2026-03-29T05:30:00+02:00')).to.deep.equal([
      '2026-03-29 01:00:00 +01:00  report  starts',
      '2026-03-29 03:00:00 +02:00  report  starts',
      '2026-03-29 03:00:00 +02:00  backup  starts',
      '2026-03-29 04:00:00 +02:00  report  starts',
      '2026-03-29 05:00:00 +02:00  report  starts',
    ]);
  });

  it('backs up once, and reports every hour, in a night in which 02:30 occurs twice', () => {
    expect(startsOf('2026-10-25T00:30:00+02:00', '2026-10-25T03:30:00+01:00')).to.deep.equal([
      '2026-10-25 01:00:00 +02:00  report  starts',
      '2026-10-25 02:00:00 +02:00  report  starts',
      '2026-10-25 02:30:00 +02:00  backup  starts',
      '2026-10-25 02:00:00 +01:00  report  starts',
      '2026-10-25 03:00:00 +01:00  report  starts',
    ]);
  });

  it('finishes all slots of a night in which 02:30 does not exist', async () => {
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

  it('delays a slot that is due during a run, and skips the one after it', async () => {
    await scenario({
      run: () => jobs('UTC').flatMap(({ runner }) => (String(runner) === 'prices' ? [runner] : [])),
      at: '2026-03-29T00:00:00.001Z',
      duration: 26_000,
      values: { p: 'updated the prices' },
      expect: `prices  > 4.998s + 5.999s : 1.999s (p+) 2.999s : 3.999s / 999ms (p+) 3.999s - 999ms :`,
    });
  });
});
