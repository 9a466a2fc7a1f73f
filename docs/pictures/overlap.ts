import { Subject, timer } from 'rxjs';
import { cron, task, taskRunner, withCancel, type AppEvent, type CronOptions } from 'rxjs-tasks';
import { record, renderSvg } from 'rxjs-tasks/inspect';
import { virtualClock } from 'rxjs-tasks/testing';

type Overlap = NonNullable<CronOptions['overlap']>;

/** The title of each picture: the policy's effect on the same slots. */
const titles: Record<Overlap, string> = {
  skip: 'skip: slots that come during a run are dropped',
  bufferOne: 'bufferOne: the earliest waits, those that come meanwhile are dropped',
  bufferAll: 'bufferAll: all wait, and are run one after another',
  cancelOther: 'cancelOther: the run is cancelled, the next starts once it has ended',
  allowAll: 'allowAll: each runs in its time, beside the others',
};

/** The pictures of `docs/overlap.md`, by their files. */
export function overlapPictures(): Map<string, string> {
  const overlaps = Object.keys(titles) as Overlap[];
  return new Map(overlaps.map((overlap) => [`docs/overlap-${overlap}.svg`, picture(overlap)]));
}

/** A cron of 10 s whose first run takes 34 s and the others 4 s, and 2 s to finalize. Each run is a row of its own. */
function picture(overlap: Overlap): string {
  const clock = virtualClock('2026-01-01T00:00:00Z');
  const begin = clock.now();
  const [ctx] = withCancel(undefined, { scheduler: clock });
  const events$ = new Subject<AppEvent>();
  const recording = record(events$, { clock });
  let runs = 0;
  const report = task('report', {
    execute: (slotCtx) => {
      const takes = runs++ === 0 ? 34_000 : 4_000;
      const name = `slot of ${((slotCtx.slot ?? begin) - begin) / 1000} s`;
      const child = task(name, { execute: () => timer(takes, clock), finalize: () => timer(2_000, clock) });
      return taskRunner(child).start(slotCtx);
    },
  });
  const runner = cron(report, 10_000, { overlap, stopAt: begin + 60_000 });
  runner.events$.subscribe(events$);
  runner.start(ctx).subscribe();
  clock.advance(70_000);
  return renderSvg(recording, { title: titles[overlap], width: 800 });
}
