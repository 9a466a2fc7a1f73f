import { hostname } from 'node:os';
import { merge, Observable } from 'rxjs';
import type { CancelFunc, Context } from '../context.js';
import type { Coordinator } from '../cron.js';
import { CancelledError } from '../errors.js';
import { expected, expectMs, expectNumber, expectOptions, expectString } from '../internal/expect.js';
import type { RunContext, Task } from '../task.js';
import { openDirectory, openServer, type Access } from './database.js';
import type { FleetEvent } from './job-event.js';
import { Leases } from './leases.js';
import { MasterCancel } from './master-cancel.js';
import { Messages } from './messages.js';
import { JobQueue, type Queue, type QueueOptions } from './queue.js';
import { Results } from './results.js';
import { setUp } from './schema.js';
import type { Ship } from './ship.js';
import { stateOf, type FleetState } from './state.js';

/** Where the database of a fleet is, and how this process uses it. */
export interface FleetOptions {
  /** A PostgreSQL, as `postgres://user:password@host:5432/database`. */
  url?: string;
  /** Without a `url`: where an embedded database, for this process alone, keeps its files. */
  directory?: string;
  /** The schema that holds the fleet's tables, `rxjs_tasks` unless said; pg-boss's are in one whose name ends in `_jobs`. */
  schema?: string;
  /** The name of this process in events and on the inspector's page; its host and pid unless said. */
  name?: string;
  /** How long it is tried to reach the database, in ms; 10,000 unless said. */
  connectTimeout?: number;
  /** How many connections this process may have, beside the one it listens on; 4 unless said. */
  connections?: number;
  /** Without a sign of life for so long, in ms, a process has lost its jobs; 10,000 unless said, and at least. */
  heartbeat?: number;
}

/**
 * One process of a fleet, connected. As a task of an application, the first of an `ordered` group, it cancels the application
 * when the fleet is cancelled, and closes the connection when all others have ended.
 */
export interface Fleet extends Task<never> {
  /** The name of this process. */
  readonly name: string;
  /** Cancelled, with a `FleetCancelledError`, while the fleet is; after a `resume` it is another. */
  readonly context: Context;
  /** For crons: each slot is run by one process. See {@link every} for periods. */
  readonly coordinator: Coordinator;
  /** A queue of jobs, made in the database when it is first used. */
  queue<In, Out = unknown>(name: string, options?: QueueOptions): Queue<In, Out>;
  /** Cancels all processes: those that run now, and those that start before a `resume`. */
  cancel(reason: string): Promise<void>;
  /** Takes the cancel back, for whoever starts from now on. */
  resume(): Promise<void>;
  /** The last slot that any process has run of a cron, for its `lastRun`. */
  lastSlot(task: string): Promise<number | undefined>;
  /** What happens to the fleet, and to jobs in all processes. */
  readonly events$: Observable<FleetEvent>;
  /** How the whole fleet stands. */
  state(): Promise<FleetState>;
  /** Closes the connection. Whoever still waits for a result gets a `CancelledError`. */
  close(): Promise<void>;
}

const optionNames = ['url', 'directory', 'schema', 'name', 'connectTimeout', 'connections', 'heartbeat'];

/**
 * Connects this process with all others that use the same database: crons whose slots are run once, queues of jobs, one cancel for
 * all. Without a `url` it embeds a database for one process, and the same code runs on that.
 *
 * @throws TypeError, RangeError for bad options; {@link FleetConnectionError} when there is no database within `connectTimeout`;
 * {@link FleetVersionError} when a later version of the library has set it up; {@link DirectoryInUseError} when another process has
 * the directory; all of them by rejection.
 *
 * @example
 * ```ts
 * import { lastValueFrom } from 'rxjs';
 * import { launch } from 'rxjs-tasks';
 * import { connectFleet } from 'rxjs-tasks/fleet';
 *
 * const fleet = await connectFleet({ directory: './fleet-data' });
 * const squares = fleet.queue<number, number>('squares');
 * const app = launch([squares.worker((n) => n * n)]);
 * console.log(await lastValueFrom(squares.submit(7))); // → 49
 * await app.stop();
 * await fleet.close();
 * ```
 */
export async function connectFleet(options: FleetOptions): Promise<Fleet> {
  expectOptions(options, optionNames);
  const {
    url,
    directory,
    schema = 'rxjs_tasks',
    connectTimeout = 10_000,
    connections = 4,
    heartbeat = 10_000,
  } = options;
  const { name = `${hostname()}:${process.pid}` } = options;
  if ((url === undefined) === (directory === undefined))
    throw new TypeError(expected('options', 'a `url`, or else a `directory`', Object.keys(options)));
  expectString('name', name);
  expectString('schema', schema);
  if (!/^[a-z_][a-z0-9_]{0,39}$/.test(schema))
    throw new RangeError(expected('schema', 'up to 40 small letters, digits and `_`', schema));
  expectMs('connectTimeout', connectTimeout);
  expectNumber('connections', 1, 100, connections);
  expectNumber('heartbeat', 10_000, 3_600_000, heartbeat);
  const access: Access = { schema, name, connections, connectTimeout };
  if (directory !== undefined) expectString('directory', directory);
  const connection =
    directory === undefined ? await openServer(toUrl(url), access) : await openDirectory(directory, access);
  try {
    await setUp(connection);
    const messages = new Messages(connection, name);
    await messages.open();
    const master = new MasterCancel(connection, messages);
    await master.look();
    return new ConnectedFleet({
      name,
      connection,
      messages,
      master,
      heartbeat,
      results: new Results(connection, messages),
    });
  } catch (error) {
    await connection.close();
    throw error;
  }
}

class ConnectedFleet implements Fleet {
  readonly coordinator: Leases;
  private readonly ship: Ship;
  private closing: Promise<void> | undefined = undefined;

  constructor(ship: Ship) {
    this.ship = ship;
    this.coordinator = new Leases(ship.connection, ship.name);
  }

  get name(): string {
    return this.ship.name;
  }

  get context(): Context {
    return this.ship.master.context;
  }

  get events$(): Observable<FleetEvent> {
    const { connection, messages } = this.ship;
    return merge(connection.events.stream, messages.jobEvents$);
  }

  queue<In, Out>(name: string, options: QueueOptions = {}): Queue<In, Out> {
    return new JobQueue<In, Out>(this.ship, name, options);
  }

  cancel(reason: string): Promise<void> {
    expectString('reason', reason);
    return this.ship.master.cancel(reason, this.name);
  }

  resume(): Promise<void> {
    return this.ship.master.resume();
  }

  lastSlot(task: string): Promise<number | undefined> {
    expectString('task', task);
    return this.coordinator.lastSlot(task);
  }

  state(): Promise<FleetState> {
    return stateOf(this.ship.connection);
  }

  initialize(): void {
    if (this.closing) throw new Error('Expected a fleet that is connected, got one that is closed');
  }

  execute(_: RunContext, cancel: CancelFunc): Observable<never> {
    return new Observable(() => this.context.cancelled$.subscribe(cancel));
  }

  finalize(): Promise<void> {
    return this.close();
  }

  close(): Promise<void> {
    return (this.closing ??= this.end());
  }

  toString(): string {
    return 'fleet';
  }

  private async end(): Promise<void> {
    const { master, results, messages, connection } = this.ship;
    master.stop();
    results.close(new CancelledError('The fleet is closed'));
    try {
      await this.coordinator.close();
      await messages.close();
    } finally {
      await connection.close();
    }
  }
}

/** Nothing of what was given is shown: there may be a password in it. */
function toUrl(url: unknown): URL {
  expectUrl(typeof url === 'string' && URL.canParse(url));
  const parsed = new URL(url as string);
  expectUrl(parsed.protocol === 'postgres:' || parsed.protocol === 'postgresql:');
  return parsed;
}

function expectUrl(is: boolean): void {
  if (!is) throw new TypeError('Expected `url` to be that of a PostgreSQL, as `postgres://host:5432/database`');
}
