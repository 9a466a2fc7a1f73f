import { expect } from 'chai';
import type { FleetDatabase } from '../../lib/fleet/fleet-database.js';
import type { QueueOptions } from '../../lib/fleet/queue-types.js';
import { StoredQueue } from '../../lib/fleet/stored-queue.js';
import { rejectionOf } from '../helpers/rejection.js';

describe('A queue in the database', () => {
  /** The statements and calls that have reached the database. */
  let calls: string[];
  /** The error with which the next call of this name is answered. */
  let failure: { readonly call: string; readonly error: Error } | undefined;

  const reach = (call: string) => {
    calls.push(call);
    if (failure?.call !== call) return;
    const { error } = failure;
    failure = undefined;
    throw error;
  };
  /** The queues of pg-boss. */
  let policies: readonly { readonly name: string; readonly policy: string }[];
  /** The stored options, and those of the last update of pg-boss. */
  let stored: object;
  let updated: object | undefined;
  /** Called before the next update. */
  let beforeUpdate: (() => Promise<void>) | undefined;

  const database = {
    schema: 'fleet',
    retry: (call: () => unknown) => Promise.resolve().then(call),
    async queryWithRetry(sql: string, values: unknown[]) {
      const isInsert = sql.startsWith('insert');
      reach(
        isInsert ? 'store options' : sql.replace(/^select policy from \S+\.queue where name = \$1$/, 'read policy'),
      );
      if (!isInsert) return policies.filter(({ name }) => name === values[0]);
      stored = { ...stored, ...(JSON.parse(String(values[1])) as object) };
      return [{ options: stored }];
    },
    boss: {
      createQueue: async (name: string) => reach(`create ${name}`),
      async updateQueue(name: string, options: object) {
        const before = beforeUpdate;
        beforeUpdate = undefined;
        await before?.();
        reach(`update ${name}`);
        updated = options;
      },
    },
  } as unknown as FleetDatabase;
  const queueWith = (options: QueueOptions) =>
    new StoredQueue({ database, heartbeatTimeoutMs: 10_000 }, 'mails', options);
  const created = ['create mails.dead', 'create mails'];

  beforeEach(() => {
    calls = [];
    failure = beforeUpdate = updated = undefined;
    stored = {};
    policies = [{ name: 'mails', policy: 'standard' }];
  });

  it('is created with its dead letters, and opened, once for all callers', async () => {
    const queue = queueWith({ retries: 3 });
    await Promise.all([queue.open(), queue.create(), queue.open()]);
    await queue.open();
    expect(calls).to.deep.equal([...created, 'store options', 'update mails', 'store options', 'read policy']);
    expect(queue.policy.retries).to.equal(3);
  });

  it('is not opened if another program has created it with another policy of pg-boss', async () => {
    policies = [{ name: 'mails', policy: 'short' }];
    expect(String(await rejectionOf(queueWith({}).open()))).to.equal(
      "TypeError: Expected `queue` to be a queue of the policy `standard`, got `'short'` (string)",
    );
    policies = [];
    await queueWith({}).open();
  });

  it('is not updated by a process that gives no options', async () => {
    await queueWith({}).open();
    expect(calls).to.deep.equal([...created, 'store options', 'read policy']);
  });

  it('has the options of all processes, although the first of them updates it last', async () => {
    const [one, other] = [queueWith({ retries: 3 }), queueWith({ retention: 60_000 })];
    beforeUpdate = () => other.open();
    await one.open();
    expect(updated).to.include({ retryLimit: 3, deleteAfterSeconds: 60 });
    for (const { policy } of [one, other]) expect(policy).to.include({ retries: 3, retention: 60_000 });
  });

  for (const call of [...created, 'store options', 'update mails', 'read policy'])
    it(`is opened by the next call if «${call}» has failed`, async () => {
      const error = new Error('refused');
      failure = { call, error };
      const queue = queueWith({ retries: 3 });
      expect(await rejectionOf(queue.open())).to.equal(error);
      const failedAt = calls.length;
      await queue.open();
      // The rest goes on from what was created before.
      const again = created.includes(call) ? created : [];
      expect(calls.slice(failedAt)).to.deep.equal([
        ...again,
        'store options',
        'update mails',
        'store options',
        'read policy',
      ]);
    });

  it('is created by the next call if its creation has failed', async () => {
    const error = new Error('refused');
    failure = { call: 'create mails', error };
    const queue = queueWith({});
    expect(await rejectionOf(queue.create())).to.equal(error);
    await queue.create();
    expect(calls).to.deep.equal([...created, ...created]);
  });
});
