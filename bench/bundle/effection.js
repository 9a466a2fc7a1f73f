import { Cron } from 'croner';
import { ensure, main, race, sleep, until } from 'effection';
import { sync } from './sync.js';

const schedule = new Cron('* * * * * *', { paused: true });
await main(function* () {
  let running = Promise.resolve();
  yield* ensure(() => race([until(running), sleep(10_000)]));
  for (;;) {
    yield* sleep(schedule.msToNext());
    running = sync();
    yield* until(running);
  }
});
