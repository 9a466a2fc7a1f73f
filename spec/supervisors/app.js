// An application that writes a line to a log for each step. Its environment selects the options.
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { NEVER } from 'rxjs';
import { ordered, runMain, task } from 'rxjs-tasks';

const { LOG, SIGNALS, LINGER, DISCONNECT, MESSAGE, FINALIZE_MS = 300, FLUSH_MS = 10 } = process.env;
const note = (text) => appendFileSync(LOG, `${process.pid} ${text}\n`);

/** Takes 300 ms to finalize, so that two of them take longer than the echo of a signal may come. */
const server = (name) =>
  task(name, {
    initialize: () => note(`${name} up`),
    execute: () => NEVER,
    async finalize() {
      note(`${name} finalizing`);
      await sleep(Number(FINALIZE_MS));
      note(`${name} finalized`);
    },
  });

process.on('exit', (code) => note(`exit ${code}`));
const app = runMain([ordered('app', server('db'), server('http'))], {
  signals: SIGNALS?.split(',') ?? ['SIGINT', 'SIGTERM'],
  linger: Number(LINGER ?? 5000),
  disconnect: DISCONNECT === 'true',
});
if (MESSAGE) process.on('message', (message) => message === MESSAGE && app.stop(new Error(`Received ${MESSAGE}`)));
// For pm2's `--wait-ready`. With a callback, because the parent may be gone.
app.ready$.subscribe((ready) => ready && process.send?.('ready', undefined, undefined, () => undefined));
const { cause, clean } = await app;
await sleep(Number(FLUSH_MS));
note(`${clean ? 'clean' : 'not clean'}: ${cause?.message}`);
