// A program to be signalled. How it stops is its argument.
import { NEVER } from 'rxjs';
import { runMain, task } from 'rxjs-tasks';

const [how] = process.argv.slice(2);
await runMain([
  task('server', {
    execute: () => (how === 'fail' ? Promise.reject(new Error('no')) : NEVER),
    async finalize() {
      console.log('finalizing');
      if (how === 'hang') await new Promise((resolve) => setTimeout(resolve, 20_000));
      console.log('finalized');
    },
  }),
  task('up', (ctx) => (console.log('up'), ctx.cancelled$)),
]);
