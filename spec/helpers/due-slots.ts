import { Observable, type SchedulerLike } from 'rxjs';
import { SlotClock, type DueSlots, type Timetable } from '../../lib/cron/slot-clock.js';

/** The slots of a timetable, as they become due. */
export function dueSlots(timetable: Timetable, scheduler: SchedulerLike): Observable<DueSlots> {
  return new Observable((subscriber) => {
    const clock = new SlotClock(timetable, scheduler, {
      accept: (slots) => subscriber.next(slots),
      close: () => subscriber.complete(),
      fail: (error) => subscriber.error(error),
    });
    clock.start();
    return () => clock.stop();
  });
}
