// The parts of an application: `node <program> <n>` opens n of them at its start, and closes them at its end.
import { writeSync } from 'node:fs';

export const n = Number(process.argv[2]);

let closed = 0;

export async function open() {}

export async function close() {
  closed++;
  if (closed === n) allClosed();
}

export function ready() {
  writeSync(1, 'ready\n');
}

/** Written at once, because some programs end by a signal. */
export function allClosed() {
  writeSync(1, 'closed\n');
}
