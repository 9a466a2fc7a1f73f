import {
  concat,
  filter,
  from,
  map,
  mergeMap,
  range,
  Subject,
  take,
  takeUntil,
  tap,
  timer,
  toArray,
  type Observable,
} from 'rxjs';
import { future, task, type SimpleTask } from 'rxjs-tasks';
import type { Database } from './database.js';
import { pictureName, pictures, widths, type Progress, type Resized } from './pictures.js';
import { say } from './say.js';
import type { WorkerProcess } from './worker-process.js';

/** How many pictures there are from the start. */
const stack = 6;

/** What happens to three workers while pictures come in: each is ended in another way, and no picture is lost. */
export function story(
  database: Database,
  ann: WorkerProcess,
  ben: WorkerProcess,
  cat: WorkerProcess,
): SimpleTask<undefined> {
  return task('story', async (ctx) => {
    const tell = (text: string) => say('shop', text);
    const until = <T>(source$: Observable<T>) => future(() => source$.pipe(take(1)), ctx);
    const { fleet } = database;
    const queue = pictures(fleet);
    const progressOf = ({ name }: WorkerProcess) =>
      queue.events$.pipe(
        filter((event) => event.type === 'progress'),
        filter(({ by }) => by === name),
        map(({ progress }) => progress as Progress),
      );

    tell(`${stack} pictures wait, and one more comes in each second; every 2 s one of the three counts the stock`);
    const result$ = new Subject<Resized>();
    const closed$ = new Subject<void>();
    let [submitted, done] = [0, 0];
    const later$ = timer(1000, 1000).pipe(
      map((n) => stack + n),
      takeUntil(closed$),
    );
    const pictures$ = concat(range(0, stack), later$).pipe(map(pictureName));
    const results = future(() => {
      const resized$ = pictures$.pipe(mergeMap((picture) => (submitted++, queue.submit(picture))));
      return resized$.pipe(
        tap((resized) => (done++, result$.next(resized))),
        toArray(),
      );
    }, ctx);
    await until(timer(4000));

    const { picture } = await until(progressOf(ben).pipe(filter((progress) => progress.done === 2)));
    await ben.end('SIGKILL');
    tell(`SIGKILL for ben, who had done 2 of the ${widths.length} widths of ${picture}`);
    tell(`Once ben has given no sign of life for 10 s, ${picture} is given to another; the rest goes on`);
    const again = await until(result$.pipe(filter((resized) => resized.picture === picture)));
    tell(`${again.by} has done what ben had begun`);

    await until(progressOf(cat).pipe(filter((progress) => progress.done === 1)));
    tell('SIGTERM for cat, who is at a picture');
    tell(`cat has ended with ${await cat.end('SIGTERM')}; ann goes on alone`);
    await until(timer(3000));

    closed$.next();
    tell(`The shop closes: ${submitted} pictures have come in, ${submitted - done} of them are still to be done`);
    const all = await results;
    const pictureNames = new Set(all.map((resized) => resized.picture));
    tell(`${pictureNames.size} of ${submitted} pictures are done, with ${all.length} results`);
    for (const { name } of [ann, ben, cat]) say(name, `has done ${all.filter(({ by }) => by === name).length}`);

    await fleet.cancel('the show is over');
    tell(`ann has ended with ${await until(from(ann.ended))}`);
    return undefined;
  });
}
