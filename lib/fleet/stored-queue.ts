import { isDeepStrictEqual } from 'node:util';
import { invalid } from '../util/validate.js';
import type { FleetServices } from './fleet-services.js';
import { storeOptions, toStored, type StoredOptions } from './queue-options.js';
import { deadLetterOptions, toBossOptions, toPolicy, type QueuePolicy } from './queue-policy.js';
import type { QueueOptions } from './queue-types.js';
import { jobsSchema, toDeadQueue } from './schema-names.js';

/** A queue in the database, as one process creates and opens it. */
export class StoredQueue {
  /** The policy that holds for all processes, as soon as the queue is open. */
  policy: QueuePolicy;
  private readonly services: Pick<FleetServices, 'database' | 'heartbeatTimeoutMs'>;
  private readonly name: string;
  private readonly options: StoredOptions;
  private opening: Promise<void> | undefined = undefined;
  private creating: Promise<void> | undefined = undefined;

  constructor(services: Pick<FleetServices, 'database' | 'heartbeatTimeoutMs'>, name: string, options: QueueOptions) {
    this.policy = toPolicy(options);
    this.services = services;
    this.name = name;
    this.options = toStored(options);
  }

  /** Creates the queue if it does not exist, and stores the given options. */
  open(): Promise<void> {
    // After a failure, the next call tries again.
    this.opening ??= this.applyOptions().catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  /** Creates the queue if it does not exist. An existing one keeps its options: a handle for an operator has none. */
  create(): Promise<void> {
    this.creating ??= this.insert().catch((error: unknown) => {
      this.creating = undefined;
      throw error;
    });
    return this.creating;
  }

  private async applyOptions(): Promise<void> {
    const { database } = this.services;
    await this.create();
    this.policy = await storeOptions(database, this.name, this.options);
    if (Object.keys(this.options).length > 0) await this.updateBossOptions();
    await this.validateBossPolicy();
  }

  /** Updates the options of pg-boss until they are those that are stored: other processes may store some meanwhile. */
  private async updateBossOptions(): Promise<void> {
    const { database } = this.services;
    for (let updated: QueuePolicy | undefined; !isDeepStrictEqual(updated, this.policy);) {
      updated = this.policy;
      await database.retry(() => database.boss.updateQueue(this.name, this.bossOptions()));
      this.policy = await storeOptions(database, this.name, {});
    }
  }

  /** Another program may have created the queue with a policy of pg-boss that this library does not support. */
  private async validateBossPolicy(): Promise<void> {
    const { database } = this.services;
    const [queue] = await database.queryWithRetry<{ policy: string }>(
      `select policy from ${jobsSchema(database.schema)}.queue where name = $1`,
      [this.name],
    );
    const { policy = 'standard' } = queue ?? {};
    if (policy !== 'standard') throw new TypeError(invalid('queue', 'a queue of the policy `standard`', policy));
  }

  private async insert(): Promise<void> {
    const { database } = this.services;
    await database.retry(async () => {
      await database.boss.createQueue(toDeadQueue(this.name), deadLetterOptions);
      await database.boss.createQueue(this.name, this.bossOptions());
    });
  }

  private bossOptions(): ReturnType<typeof toBossOptions> & { readonly deadLetter: string } {
    return { ...toBossOptions(this.policy, this.services.heartbeatTimeoutMs), deadLetter: toDeadQueue(this.name) };
  }
}
