import { expect } from 'chai';
import { JobInserter } from '../../lib/fleet/job-inserter.js';
import type { QueueHandle } from '../../lib/fleet/queue-handle.js';
import { toPolicy } from '../../lib/fleet/queue-policy.js';
import { rejectionOf } from '../helpers/rejection.js';

describe('An insertion within a transaction', () => {
  it('fails with the first error of a client that has lost its connection', async () => {
    const lost = new Error('Connection terminated unexpectedly');
    const services = { jobs: { insert: () => Promise.reject(lost) } };
    const queue = { name: 'q', policy: toPolicy({}), services } as unknown as QueueHandle;
    const statements: string[] = [];
    const client = {
      query: (text: string) => {
        statements.push(text);
        return statements.length === 1
          ? Promise.resolve({ rows: [] })
          : Promise.reject(new Error('Client has encountered a connection error and is not queryable'));
      },
    };
    const job = { id: 'x', data: { input: 1 }, options: {}, length: 1 };
    expect(await rejectionOf(new JobInserter(queue).insertWithin(client, [job], true))).to.equal(lost);
    expect(statements).to.deep.equal(['savepoint rxjs_tasks', 'rollback to savepoint rxjs_tasks']);
  });
});
