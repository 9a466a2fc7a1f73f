// A program that receives signals. Its argument selects how it stops.
import { NEVER } from 'rxjs';
import { runMain, task } from 'rxjs-tasks';

const [mode] = process.argv.slice(2);
await runMain([
  task('server', {
    execute: () => (mode === 'fail' ? Promise.reject(new Error('no')) : NEVER),
    async finalize() {
      console.log('finalizing');
      if (mode === 'hang') await new Promise((resolve) => setTimeout(resolve, 20_000));
      console.log('finalized');
    },
  }),
  task('up', (ctx) => (console.log('up'), ctx.cancelled$)),
]);
