// A program that receives signals. Its argument selects how it stops.
import { NEVER } from 'rxjs';
import { runMain, task } from 'rxjs-tasks';

const [mode] = process.argv.slice(2);

/** Reports that a second signal is no echo of the first any longer. */
async function hang() {
  setTimeout(() => console.log('later'), 1000);
  await new Promise((resolve) => setTimeout(resolve, 60_000));
}

await runMain([
  task('server', {
    execute: () => (mode === 'fail' ? Promise.reject(new Error('no')) : NEVER),
    async finalize() {
      console.log('finalizing');
      if (mode === 'hang') await hang();
      console.log('finalized');
    },
  }),
  task('up', (ctx) => (console.log('up'), ctx.cancelled$)),
]);
