import type { Connection } from './connection.js';
import { readRow } from './fleet-row.js';
import type { FleetState } from './fleet-state.js';

interface CronRow {
  readonly task: string;
  readonly slot: number;
  readonly holder: string | null;
}

export async function stateOf(connection: Connection): Promise<FleetState> {
  const { boss, schema } = connection;
  const [instances, queues, crons, row] = await Promise.all([
    boss.getInstances({ limit: 1000 }),
    boss.getQueues(undefined, { limit: 1000 }),
    connection.query<CronRow>(
      `select task, slot, case when lease is not null then holder end as holder from "${schema}".cron order by task`,
    ),
    readRow(connection),
  ]);
  const dead = new Map(queues.map(({ name, queuedCount }) => [name, queuedCount]));
  return {
    schema,
    ...(row?.reason != null && { cancelled: { reason: row.reason, by: row.by, at: row.at } }),
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
    queues: queues
      .filter(({ name }) => !name.endsWith('.dead'))
      .map(({ name, queuedCount, activeCount }) => ({
        name,
        waiting: queuedCount,
        running: activeCount,
        dead: dead.get(`${name}.dead`) ?? 0,
      })),
    crons: crons.map(({ task, slot, holder }) => ({ task, slot, ...(holder !== null && { holder }) })),
  };
}
