import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { readFleetOptions } from '../../lib/fleet/fleet-options.js';
import { toPolicy } from '../../lib/fleet/queue-policy.js';
import { readEnqueueOptions } from '../../lib/fleet/submit-options.js';
import { readWorkerOptions } from '../../lib/fleet/worker-options.js';

/** Returns the names that a function lists when it refuses an unknown option. */
function knownOptions(read: (options: never) => unknown): string[] {
  try {
    read({ unknown: 1 } as never);
  } catch (error) {
    const [, list = ''] = String(error).split('Known options: ');
    return namesIn(list);
  }
  throw new Error('Expected an unknown option to be refused');
}

function namesIn(text: string): string[] {
  return Array.from(text.matchAll(/`(\w+)`/g), ([, name = '']) => name);
}

/** Returns the first column of the tables of a page whose heads begin with such a text. */
function rowsOf(page: string, head: RegExp): string[] {
  const tables = readFileSync(`docs/${page}`, 'utf8').split('\n\n');
  const rows = tables.filter((table) => head.test(table)).flatMap((table) => table.split('\n').slice(2));
  return rows.flatMap((row) => namesIn(row.split('|')[1] ?? ''));
}

describe('The tables of options', () => {
  const functions: readonly [page: string, head: RegExp, read: (options: never) => unknown][] = [
    ['queues.md', /^\| option of `fleet.queue`/, toPolicy],
    ['queues.md', /^\| option of `submit` and `enqueue`/, readEnqueueOptions],
    ['queues.md', /^\| option of `worker`/, (options) => readWorkerOptions(options, 'mails')],
    ['postgresql.md', /^\| option +\| the database|^\| option of `connectFleet`/, readFleetOptions],
  ];
  for (const [page, head, read] of functions)
    it(`of ${page} that match ${String(head)} have a row for each option`, () => {
      expect(rowsOf(page, head)).to.have.members(knownOptions(read));
    });
});
