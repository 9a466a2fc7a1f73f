/**
 * The crons of a shop: watch them run, or compute what they do on any night.
 *
 *     npm run nightshift
 *     npm run nightshift -- --zone Europe/Berlin --replay 2026-03-29
 */
import { parseArgs } from 'node:util';
import { runMain } from 'rxjs-tasks';
import { jobs, type Job } from './nightshift/jobs.js';
import { lineOf, resultLines, wallClock } from './nightshift/log.js';
import { replay } from './nightshift/replay.js';

const usage = `Usage: npm run nightshift -- [options]

Runs the crons of a small shop and shows what they do. Ctrl-C ends it.

  --zone <name>    the time zone of the schedules; default: this machine's
  --replay <date>  shows what the hourly and nightly crons do on a date such as
                   2026-03-29, from 22:00 UTC of the day before, for 8 hours
  -h, --help       shows this`;

async function watch(all: readonly Job[], zone: string): Promise<void> {
  const now = Date.now();
  for (const { runner, schedule, next } of all) {
    const due = next(now);
    console.log(
      `${String(runner).padEnd(6)}  ${schedule.padEnd(14)}  next ${due ? wallClock(due.getTime(), zone) : '–'}`,
    );
  }
  console.log();
  const runners = all.map(({ runner }) => runner);
  resultLines(runners, zone, Date).subscribe((line) => console.log(line));
  const report = await runMain(runners, {
    observer: (event) => {
      const line = lineOf(event, zone);
      if (line !== undefined) console.log(line);
    },
  });
  console.log(`\n${String(report)}`);
}

function show(all: readonly Job[], date: string, zone: string): void {
  const midnight = Date.parse(`${date}T00:00:00Z`);
  // `Date.parse` accepts a day that the month does not have, and takes it for one of the next month.
  const isDay = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(date);
  if (!/^\d{4}-\d\d-\d\d$/.test(date) || !isDay)
    throw new RangeError(`Expected --replay to be a date such as 2026-03-29, got \`${date}\``);
  const rare = all.filter(({ schedule }) => !schedule.includes('*/'));
  console.log(replay(rare, midnight - 2 * 3_600_000, midnight + 6 * 3_600_000, zone).join('\n'));
}

const flags = {
  zone: { type: 'string', default: Intl.DateTimeFormat().resolvedOptions().timeZone },
  replay: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

try {
  const { zone, replay: date, help } = parseArgs({ options: flags }).values;
  if (help) console.log(usage);
  else if (date === undefined) await watch(jobs(zone), zone);
  else show(jobs(zone), date, zone);
} catch (error) {
  // The messages of parseArgs and cron() say what they refuse.
  if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
