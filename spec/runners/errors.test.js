import { match } from 'node:assert';
import { inspect } from 'node:util';
import { TaskError } from '../../dist/index.js';

test('a TaskError is printed with its message and its cause', () => {
  const printed = inspect(new TaskError('db', 'execute', new TypeError('refused')));
  match(printed, /^TaskError: db failed in execute: refused\n[^]*\[cause\]: TypeError: refused\n/);
});
