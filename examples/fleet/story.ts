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
import { log } from './log.js';
import { pictureName, pictures, widths, type Progress, type Resized } from './pictures.js';
import type { WorkerProcess } from './worker-process.js';

/** The number of pictures at the start. */
const initialPictures = 6;

/** Ends three workers, each in a different way, while pictures arrive. No picture is lost. */
export function story(
  database: Database,
  ann: WorkerProcess,
  ben: WorkerProcess,
  cat: WorkerProcess,
): SimpleTask<undefined> {
  return task('story', async (ctx) => {
    const report = (text: string) => log('shop', text);
    const next = <T>(source$: Observable<T>) => future(() => source$.pipe(take(1)), ctx);
    const { fleet } = database;
    const queue = pictures(fleet);
    const progressOf = ({ name }: WorkerProcess) =>
      queue.events$.pipe(
        filter((event) => event.type === 'progress'),
        filter(({ by }) => by === name),
        map(({ progress }) => progress as Progress),
      );

    report(
      `${initialPictures} pictures wait, and one more arrives each second; every 2 s one of the three counts the stock`,
    );
    const result$ = new Subject<Resized>();
    const closing$ = new Subject<void>();
    let [submitted, done] = [0, 0];
    const laterPictures$ = timer(1000, 1000).pipe(
      map((n) => initialPictures + n),
      takeUntil(closing$),
    );
    const pictures$ = concat(range(0, initialPictures), laterPictures$).pipe(map(pictureName));
    const results = future(() => {
      const resized$ = pictures$.pipe(mergeMap((picture) => (submitted++, queue.submit(picture))));
      return resized$.pipe(
        tap((resized) => (done++, result$.next(resized))),
        toArray(),
      );
    }, ctx);
    await next(timer(4000));

    const { picture } = await next(progressOf(ben).pipe(filter((progress) => progress.done === 2)));
    await ben.stop('SIGKILL');
    report(`SIGKILL for ben, who had done 2 of the ${widths.length} widths of ${picture}`);
    report(`Another process gets ${picture} once ben has sent no heartbeat for 10 s; the other pictures continue`);
    const repeated = await next(result$.pipe(filter((resized) => resized.picture === picture)));
    report(`${repeated.by} has completed what ben had begun`);

    await next(progressOf(cat).pipe(filter((progress) => progress.done === 1)));
    report('SIGTERM for cat, during a picture');
    report(`cat has ended with ${await cat.stop('SIGTERM')}; ann continues alone`);
    await next(timer(3000));

    closing$.next();
    report(`The shop closes: ${submitted} pictures have arrived, ${submitted - done} of them are not done yet`);
    const all = await results;
    const pictureNames = new Set(all.map((resized) => resized.picture));
    report(`${pictureNames.size} of ${submitted} pictures are done, with ${all.length} results`);
    for (const { name } of [ann, ben, cat]) log(name, `has done ${all.filter(({ by }) => by === name).length}`);

    await fleet.cancel('the show is over');
    report(`ann has ended with ${await next(from(ann.ended))}`);
    return undefined;
  });
}
