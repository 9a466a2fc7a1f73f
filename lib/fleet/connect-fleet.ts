import { callWithoutStores } from '../util/call-in-context.js';
import { answerWithin } from './answer-within.js';
import { kindOf } from './connection-errors.js';
import { parseControlMessage, type ControlMessage } from './control-message.js';
import { CrashMark } from './crash-mark.js';
import { CronPauses } from './cron-pauses.js';
import { Dependents } from './dependents.js';
import type { FleetDatabase } from './fleet-database.js';
import { FleetHandle } from './fleet-handle.js';
import { readFleetOptions, type FleetOptions, type ResolvedFleetOptions } from './fleet-options.js';
import { Heartbeats } from './heartbeats.js';
import { JobEventChannel } from './job-event-channel.js';
import { JobResults } from './job-results.js';
import { MasterCancel } from './master-cancel.js';
import { NotifyChannel } from './notify-channel.js';
import { openDatabase } from './open-database.js';
import { openTables } from './schema.js';
import { minTryMs } from './start-server.js';
import { StatusPoller } from './status-poller.js';
import { TriggerCalls } from './trigger-calls.js';
import type { Fleet } from './types.js';

/**
 * Connects this process to all others that use the same database. They share crons (each slot runs once), queues of
 * jobs, and one cancel. With a `directory`, the same code runs on an embedded database for one process.
 *
 * @throws TypeError, RangeError for invalid options; {@link FleetConnectionError} if no database answers within
 * `connectTimeout`, or at once if it refuses the role, the password or the database; {@link FleetSchemaError} if the
 * tables are missing or older, and this process must not or may not create them; {@link FleetVersionError} if a later
 * version of the library or of pg-boss has created them; {@link DirectoryInUseError} if another process uses the
 * directory. All of them reject the promise.
 *
 * @example
 * ```ts
 * import { lastValueFrom } from 'rxjs';
 * import { launch } from 'rxjs-tasks';
 * import { connectFleet } from 'rxjs-tasks/fleet';
 *
 * const { FLEET_URL = 'postgres://localhost/shop' } = process.env;
 * const fleet = await connectFleet({ url: FLEET_URL });
 * const squares = fleet.queue<number, number>('squares');
 * const app = launch([squares.worker((n) => n * n)]);
 * console.log(await lastValueFrom(squares.submit(7))); // → 49
 * await app.stop();
 * await fleet.close();
 * ```
 */
export async function connectFleet(options: FleetOptions): Promise<Fleet> {
  const resolved = readFleetOptions(options);
  // The timers and connections of a fleet outlive the caller, and serve others.
  return callWithoutStores(() => open(resolved));
}

async function open(resolved: ResolvedFleetOptions): Promise<Fleet> {
  const { schema, name, connectTimeout, heartbeat } = resolved;
  const database = await openDatabase(resolved.place, resolved);
  const control = new NotifyChannel<ControlMessage>(database, schema, parseControlMessage);
  const poller = new StatusPoller(database, control);
  const crashMark = new CrashMark(database, poller);
  const events = new JobEventChannel(database, control, poller, name);
  const master = new MasterCancel(database, poller);
  const pauses = new CronPauses(database, poller);
  const dependents = new Dependents(database, control, events, poller);
  const triggers = new TriggerCalls(database, poller);
  try {
    await validateName(database, name);
    const jobs = await openTables(database, resolved.migrate, crashMark);
    await answerWithin(control.listen(), Math.max(minTryMs, connectTimeout));
    await poller.poll();
    poller.start();
    const heartbeats = new Heartbeats(database, jobs, heartbeat, control.missed$);
    const results = new JobResults(database, events);
    return new FleetHandle({
      name,
      database,
      jobs,
      heartbeats,
      control,
      poller,
      events,
      results,
      dependents,
      master,
      pauses,
      triggers,
      heartbeatTimeoutMs: heartbeat,
    });
  } catch (error) {
    poller.stop();
    await database.close();
    throw error;
  }
}

/** Accepts a name that the database can store. Each statement with another one would fail, such as all messages. */
async function validateName(database: FleetDatabase, name: string): Promise<void> {
  try {
    await database.query('select $1::text', [name]);
  } catch (error) {
    if (kindOf(error) !== 'value') throw error;
    throw new RangeError("Expected `name` to have no character that the database's encoding lacks", { cause: error });
  }
}
