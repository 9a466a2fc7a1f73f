import { concat, defer, ignoreElements, NEVER, throwError, timer, firstValueFrom, type Observable } from 'rxjs';
import { cron, launch, ordered, parallel, supervise, task, type Runnable } from 'rxjs-tasks';
import { inspector } from 'rxjs-tasks/inspect';
import { virtualClock, type VirtualClock } from 'rxjs-tasks/testing';
import { launchBrowser } from '../../spec/helpers/browser.js';

const token = 'a token for the pictures';
/** The length of the story, in ms, which is in virtual time. */
const length = 93_500;

/** Returns the pictures of the inspector's page, by file: the same moment in the light theme and in the dark one. */
export async function inspectorPictures(): Promise<Map<string, Buffer>> {
  const clock = virtualClock('2026-03-02T15:22:50Z');
  const inspect = inspector({ port: 0, token, actions: true });
  const url = firstValueFrom(inspect.results$);
  const app = launch([inspect, ...shop(clock)], { observer: () => undefined, scheduler: clock });
  const address = `${await url}#token=${encodeURIComponent(token)}`;
  clock.advance(length);
  const browser = await launchBrowser();
  const pictures = new Map<string, Buffer>();
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 760 }, colorScheme });
    await page.goto(address);
    await page.locator('.row[data-task=report]').click();
    await page.locator('#details .runs').waitFor();
    pictures.set(`docs/inspector-${colorScheme}.png`, await page.screenshot());
    await page.close();
  }
  await browser.close();
  const report = app.stop();
  clock.advance(length);
  await report;
  return pictures;
}

/** Returns the tasks of a shop, some of which fail again and again. */
function shop(clock: VirtualClock): readonly Runnable[] {
  const wait = (ms: number) => timer(ms, clock).pipe(ignoreElements());
  const fail = (message: string) => throwError(() => errorAt(message, 'lib/report.js:31:9'));
  const service = (name: string, startMs: number) =>
    task(name, { initialize: () => wait(startMs), execute: () => NEVER });
  const failing = (name: string, afterMs: readonly number[]) => {
    let runs = 0;
    const work = () => concat(wait(afterMs[runs++ % afterMs.length] ?? 0), fail('The connection is lost'));
    const consumer = task(name, { initialize: () => wait(700), execute: () => defer(work) });
    return supervise(consumer, { backoff: { initial: 1500, jitter: 0, factor: 1 }, maxRestarts: 100 });
  };
  let reports = 0;
  const report = (): Observable<never> => {
    const n = ++reports;
    const work = wait(600 + 400 * ((n * n) % 7));
    return n % 6 === 0 ? concat(work, fail('No space left on device')) : work;
  };
  return [
    ordered(
      'shop',
      service('database', 800),
      parallel('workers', failing('stock', [9000, 7500]), failing('mail', [24_000]), service('search', 300)),
      service('http', 200),
    ),
    cron(
      task('poll', () => wait(40)),
      1000,
    ),
    cron(task('report', report), 2000, { overlap: 'skip' }),
    cron(
      task('nightly', () => wait(60_000)),
      '0 0 * * *',
    ),
  ];
}

/** Returns an error whose stack does not show where the picture was drawn. */
function errorAt(message: string, position: string): Error {
  const stack = `Error: ${message}\n    at work (/app/${position})\n    at run (/app/lib/main.js:12:3)`;
  return Object.assign(new Error(message), { stack });
}
