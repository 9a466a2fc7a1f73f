import type { FleetDatabase } from './fleet-database.js';
import { readQueues } from './read-queues.js';
import { readStatus } from './status-poller.js';
import type { FleetState } from './types.js';

interface CronRow {
  readonly task: string;
  readonly slot: number;
  readonly holder: string | null;
}

/** The maximum number of processes. */
const maxInstances = 1000;

/** Reads the state of the whole fleet from the database. */
export async function readState(database: FleetDatabase): Promise<FleetState> {
  const { boss, schema } = database;
  const [instances, queues, crons, status] = await Promise.all([
    boss.getInstances({ limit: maxInstances }),
    readQueues(database),
    database.query<CronRow>(
      `select task, slot, case when lease is not null then holder end as holder from "${schema}".cron order by task`,
    ),
    readStatus(database),
  ]);
  return {
    schema,
    ...(status?.reason != null && { cancelled: { reason: status.reason, by: status.by, at: status.at } }),
    members: instances
      .filter(({ stoppedOn }) => !stoppedOn)
      .map(({ name, host, pid, startedOn, heartbeatOn, live }) => ({
        name: name ?? `${host}:${pid}`,
        host,
        pid,
        since: startedOn.getTime(),
        seen: heartbeatOn.getTime(),
        live,
      })),
    queues,
    crons: crons.map(({ task, slot, holder }) => ({ task, slot, ...(holder !== null && { holder }) })),
    paused: (status?.pauses ?? []).filter(({ paused }) => paused).map(({ task, by, at }) => ({ task, by, at })),
  };
}
