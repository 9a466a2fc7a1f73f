import { filter, map, Observable, Subscription } from 'rxjs';
import { LinkedSubject } from '../util/linked-subject.js';
import type { ControlMessage } from './control-message.js';
import { currentMark } from './crash-mark-table.js';
import { hasAnyDependents } from './dependents-table.js';
import type { FleetDatabase } from './fleet-database.js';
import { Hints } from './hints.js';
import { selectDueQueues } from './job-statements.js';
import type { NotifyChannel } from './notify-channel.js';
import { tablesVersion } from './schema-names.js';
import { selectTriggers, type StoredTrigger } from './trigger-table.js';

/** The interval between polls without a message, in ms. */
const pollMs = 1000;

/** The difference from the database's clock that is reported, in ms. */
const maxSkewMs = 5000;

/** The last pause of a cron in all processes. */
export interface CronPause {
  readonly task: string;
  /** Whether the pause has not ended. */
  readonly paused: boolean;
  /** The person or program that has begun the pause, or ended it. */
  readonly by: string;
  /** The time of that, in ms since 1970. */
  readonly at: number;
}

/** The status that all processes of a fleet share. */
export interface FleetStatus {
  /** The reason of the fleet's cancel, or null. */
  readonly reason: string | null;
  readonly by: string;
  /** In ms since 1970. */
  readonly at: number;
  /** Whether any process follows the events of jobs. */
  readonly followed: boolean;
  /** The current pauses of crons, and those that have ended within the last minute. */
  readonly pauses: readonly CronPause[];
  /** The time of the database, in ms since 1970. */
  readonly now: number;
  /** The mark of the time since the last crash of the server. Null between the crash and the first insertion of it. */
  readonly mark: string | null;
  /** The watched queues with a job that may start. */
  readonly due: readonly string[];
  /** The watched queues with a job that its process has lost. */
  readonly lost: readonly string[];
  /** The watched queues that are paused. */
  readonly paused: readonly string[];
  /** Whether any job waits for another. */
  readonly hasDependents: boolean;
  /** The watched crons with a call of `trigger` that no process has claimed. */
  readonly triggered: readonly string[];
  /** The watched calls of `trigger`. */
  readonly triggers: readonly StoredTrigger[];
}

/**
 * Reads the fleet's status at each control message about it and at a regular interval, and changes it. One statement
 * reads all of it: an idle process costs the database one transaction in each interval.
 */
export class StatusPoller {
  private readonly database: FleetDatabase;
  private readonly control: NotifyChannel<ControlMessage>;
  private readonly statuses = new LinkedSubject<FleetStatus>();
  private polling = Subscription.EMPTY;
  /** The number of the last poll that began, and of the poll whose answer was emitted last. */
  private lastBegun = 0;
  private lastEmitted = 0;
  /** The numbers of subscribers: of each queue, each cron, and each call of `trigger`. */
  private readonly queues = new Map<string, number>();
  private readonly crons = new Map<string, number>();
  private readonly triggers = new Map<string, number>();

  constructor(database: FleetDatabase, control: NotifyChannel<ControlMessage>) {
    this.database = database;
    this.control = control;
  }

  /** Emits the status at each poll. */
  get status$(): Observable<FleetStatus> {
    return this.statuses.asObservable();
  }

  /** Emits at each poll in which a queue has a job that may start. */
  due(queue: string): Observable<unknown> {
    return this.watch(this.queues, queue).pipe(filter(({ due }) => due.includes(queue)));
  }

  /** Emits at each poll in which a queue has a job that its process has lost. */
  lost(queue: string): Observable<unknown> {
    return this.watch(this.queues, queue).pipe(filter(({ lost }) => lost.includes(queue)));
  }

  /** Emits at each poll in which a queue is paused. */
  paused(queue: string): Observable<unknown> {
    return this.watch(this.queues, queue).pipe(filter(({ paused }) => paused.includes(queue)));
  }

  /** Emits at each poll in which a cron has a call of `trigger` that no process has claimed. */
  triggered(task: string): Observable<unknown> {
    return this.watch(this.crons, task).pipe(filter(({ triggered }) => triggered.includes(task)));
  }

  /** Emits the state of a call of `trigger` at each poll that has read it. */
  trigger(id: string): Observable<StoredTrigger> {
    return this.watch(this.triggers, id).pipe(
      map(({ triggers }) => triggers.find((trigger) => trigger.id === id)),
      filter((trigger) => trigger !== undefined),
    );
  }

  /** Emits the status at each poll. Polls read a name for as long as it has a subscriber. */
  private watch(watched: Map<string, number>, name: string): Observable<FleetStatus> {
    return new Observable((subscriber) => {
      watched.set(name, (watched.get(name) ?? 0) + 1);
      subscriber.add(() => {
        const count = (watched.get(name) ?? 0) - 1;
        if (count > 0) watched.set(name, count);
        else watched.delete(name);
      });
      return this.status$.subscribe(subscriber);
    });
  }

  start(): void {
    const { control } = this;
    this.polling = this.database.poll(pollMs, control.missed$, () => this.poll());
    const hints = new Hints(() => this.check());
    const changed$ = control.messages$.pipe(filter(({ type }) => type === 'fleet'));
    this.polling.add(changed$.subscribe(() => hints.add('fleet', undefined)));
  }

  stop(): void {
    this.polling.unsubscribe();
  }

  /** Polls after a message, which anyone may have sent: not more often than forged hints are checked. */
  private async check(): Promise<false> {
    try {
      await this.poll();
    } catch (error) {
      this.database.report(error);
    }
    return false;
  }

  /** Reads the status, and emits it unless the answer to a later poll was emitted before. */
  async poll(): Promise<void> {
    const poll = ++this.lastBegun;
    const askedAt = Date.now();
    const { database, queues, crons, triggers } = this;
    const status = await readStatus(database, [...queues.keys()], [...crons.keys()], [...triggers.keys()]);
    if (status) this.compareClocks(askedAt, status.now);
    // Polls use several connections, so an answer from before a change may arrive after an answer from after it.
    if (!status || poll < this.lastEmitted) return;
    this.lastEmitted = poll;
    this.statuses.next(status);
  }

  /**
   * Cancels the fleet, unless it is cancelled. A retry may cancel a fleet that was resumed in between, which is the
   * safe side.
   */
  async cancel(reason: string, by: string): Promise<void> {
    const { database } = this;
    await database.queryWithRetry(
      // Another program may have deleted the row.
      `insert into "${database.schema}".fleet (version, reason, cancelled_by, cancelled_at)
       values (${tablesVersion}, $1, $2, now())
       on conflict (one) do update set reason = $1, cancelled_by = $2, cancelled_at = now() where fleet.reason is null`,
      [reason, by],
    );
    await this.announce();
  }

  /** Undoes the current cancel. A retry does not undo a cancel that came in between. */
  async resume(): Promise<void> {
    const { database } = this;
    const [status] = await database.queryWithRetry<{ at: string | null }>(
      `select cancelled_at::text as at from "${database.schema}".fleet`,
    );
    await database.queryWithRetry(
      `update "${database.schema}".fleet set reason = null, cancelled_by = null, cancelled_at = null
       where cancelled_at is not distinct from $1::timestamptz`,
      [status?.at ?? null],
    );
    await this.announce();
  }

  /**
   * Records for 15 s that a process follows the events of jobs. The other processes get a message, or see it at their
   * next poll.
   */
  async follow(): Promise<void> {
    const { database } = this;
    const [before] = await database.queryWithRetry<{ followed: boolean | null }>(
      // One process writes it for all that follow.
      `update "${database.schema}".fleet set followed_until = now() + interval '15 s'
       from (select followed_until > now() as followed from "${database.schema}".fleet) before
       where followed_until is null or followed_until < now() + interval '10 s'
       returning before.followed`,
    );
    if (!before || before.followed) return;
    this.control.send({ type: 'follow' });
    await this.control.flush();
  }

  /** Reports a clock that is far from the database's: crons whose slots are ahead of it are refused. */
  private compareClocks(askedAt: number, now: number): void {
    // The database has read its clock at some time in between.
    const [ahead, behind] = [askedAt - now, now - Date.now()];
    if (!(Math.max(ahead, behind) >= maxSkewMs)) return;
    const seconds = Math.round(Math.max(ahead, behind) / 1000);
    const direction = ahead > 0 ? 'ahead of' : 'behind';
    this.database.onDegraded(
      `The clock of this process is ${seconds} s ${direction} the database's. Crons do not run at their times`,
    );
  }

  /** Notifies all processes of a change, and applies it in this one. */
  async announce(): Promise<void> {
    this.control.send({ type: 'fleet' });
    await this.poll();
  }
}

export async function readStatus(
  database: FleetDatabase,
  queues: readonly string[] = [],
  crons: readonly string[] = [],
  triggers: readonly string[] = [],
): Promise<FleetStatus | undefined> {
  const { schema } = database;
  const [status] = await database.queryWithRetry<FleetStatus>(
    // Another program may have written the reason alone.
    `select reason, coalesce(cancelled_by, 'unknown') as by,
       floor(extract(epoch from coalesce(cancelled_at, now())) * 1000)::float8 as at,
       coalesce(followed_until > now(), false) as followed,
       (extract(epoch from clock_timestamp()) * 1000)::float8 as now,
       (select coalesce(json_agg(json_build_object(
          'task', task,
          'paused', ended_at = 'infinity',
          'by', coalesce(ended_by, begun_by),
          'at',
          floor(extract(epoch from case when ended_at = 'infinity' then begun_at else ended_at end) * 1000)::float8
        ) order by ended_at), '[]')
        from "${schema}".cron_pause where ended_at > now() - interval '1 min') as pauses,
       ${currentMark(schema)} as mark,
       ${hasAnyDependents(schema)} as "hasDependents",
       ${selectDueQueues(schema, '$1::text[]')},
       ${selectTriggers(schema, '$2::text[]', '$3::uuid[]')}
     from (select) one left join "${schema}".fleet on true`,
    [queues, crons.map((task) => Buffer.from(task).toString('hex')), triggers],
    undefined,
    // The names are those of existing queues or as hex, and the database has stored the ids.
    false,
  );
  return status;
}
