import closeWithGrace from 'close-with-grace';
import { Cron } from 'croner';
import PQueue from 'p-queue';
import { sync } from './sync.js';

const queue = new PQueue({ concurrency: 1 });
const job = new Cron('* * * * * *', () => queue.add(sync));
closeWithGrace({ delay: 10_000 }, async () => {
  job.stop();
  await queue.onIdle();
});
