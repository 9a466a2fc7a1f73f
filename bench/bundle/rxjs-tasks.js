import { cron, runMain, task } from '../../dist/index.js';
import { sync } from './sync.js';

await runMain([cron(task('sync', sync), '* * * * * *')], { timeout: 10_000 });
