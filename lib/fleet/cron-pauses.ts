import { defer, filter, map, startWith, type Observable } from 'rxjs';
import type { PauseState } from '../cron/coordinator.js';
import { LinkedSubject } from '../util/linked-subject.js';
import type { FleetDatabase } from './fleet-database.js';
import type { CronPause, FleetStatus, StatusPoller } from './status-poller.js';

/** The pauses of crons that hold for all processes of a fleet. Each is a row; the current ones end at infinity. */
export class CronPauses {
  private readonly database: FleetDatabase;
  private readonly poller: StatusPoller;
  /** The last known pause of each task. */
  private pauses: ReadonlyMap<string, CronPause> = new Map();
  private readonly changedTasks = new LinkedSubject<string>();

  constructor(database: FleetDatabase, poller: StatusPoller) {
    this.database = database;
    this.poller = poller;
    poller.status$.subscribe((status) => this.apply(status));
  }

  /** Emits whether a task is paused, at the subscription and at each change. */
  watch(task: string): Observable<PauseState> {
    return defer(() =>
      this.changedTasks.asObservable().pipe(
        filter((changed) => changed === task),
        startWith(task),
        map(() => this.stateOf(task)),
      ),
    );
  }

  /**
   * Pauses a task, unless it is paused. A retry may pause a task that was resumed in between, which is the safe side.
   */
  async pause(task: string, by: string): Promise<void> {
    const { database } = this;
    const { schema } = database;
    // A pause that ended before the last granted slot has no effect any more: no earlier slot is granted after it.
    await database.queryWithRetry(
      `with pruned as (
         delete from "${schema}".cron_pause old using "${schema}".cron last
         where old.task = $1 and last.task = $1 and last.slot >= extract(epoch from old.ended_at) * 1000
         and old.ended_at < now() - interval '1 h'
       )
       insert into "${schema}".cron_pause (task, begun_at, begun_by) values ($1, now(), $2) on conflict do nothing`,
      [task, by],
    );
    await this.poller.announce();
  }

  /** Ends the current pause of a task. A retry does not end a pause that came in between. */
  async resume(task: string, by: string): Promise<void> {
    const { database } = this;
    const { schema } = database;
    const [pause] = await database.queryWithRetry<{ begunAt: string }>(
      `select begun_at::text as "begunAt" from "${schema}".cron_pause where task = $1 and ended_at = 'infinity'`,
      [task],
    );
    if (pause)
      await database.queryWithRetry(
        `update "${schema}".cron_pause set ended_at = now(), ended_by = $2
         where task = $1 and begun_at = $3::timestamptz and ended_at = 'infinity'`,
        [task, by, pause.begunAt],
      );
    await this.poller.announce();
  }

  private stateOf(task: string): PauseState {
    const { paused = false, by } = this.pauses.get(task) ?? {};
    return { paused, ...(by !== undefined && { by }) };
  }

  private apply({ pauses }: FleetStatus): void {
    const before = this.pauses;
    this.pauses = new Map(pauses.map((pause) => [pause.task, pause]));
    const isPaused = (known: ReadonlyMap<string, CronPause>, task: string) => known.get(task)?.paused ?? false;
    for (const task of new Set([...before.keys(), ...this.pauses.keys()]))
      if (isPaused(before, task) !== isPaused(this.pauses, task)) this.changedTasks.next(task);
  }
}
