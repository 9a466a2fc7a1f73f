import * as Effect from 'effect/Effect';
import * as Fiber from 'effect/Fiber';
import * as Schedule from 'effect/Schedule';
import { sync } from './sync.js';

const job = Effect.promise(sync).pipe(Effect.uninterruptible, Effect.schedule(Schedule.cron('* * * * * *')));
const fiber = Effect.runFork(job);
const stop = () =>
  Effect.runPromise(Effect.timeoutOption(Fiber.interrupt(fiber), '10 seconds')).then(() => process.exit());
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
