import type { JobFailure } from './errors.js';
import type { FleetDatabase } from './fleet-database.js';
import { Hints } from './hints.js';
import { releasedName } from './job-failure.js';
import type { JobMessage } from './job-message.js';
import { readJobs, toKeyText } from './job-reader.js';
import { parseFailure, parseOutput, type JobRow } from './job-row.js';
import { readProgress, type JobProgress } from './progress-table.js';
import type { JobEvent } from './queue-types.js';

/** The longest output that an event of another process has, in bytes of the table. */
const maxOutputBytes = 7900;

/** The events of other processes. Each message is checked against the job, from which the event gets its contents. */
export class RemoteEvents {
  private readonly database: FleetDatabase;
  private readonly emit: (event: JobEvent) => void;
  private readonly hints = new Hints<JobMessage>((messages) => this.check(messages));

  constructor(database: FleetDatabase, emit: (event: JobEvent) => void) {
    this.database = database;
    this.emit = emit;
  }

  add(message: JobMessage): void {
    // Several reports of progress that arrive together are one read, of the last value.
    this.hints.add(`${message.type} ${toKeyText(message)} ${message.attempt ?? 0}`, message);
  }

  private async check(messages: readonly JobMessage[]): Promise<boolean> {
    const { database } = this;
    try {
      const [jobs, progress] = await Promise.all([
        readJobs(database, messages, maxOutputBytes),
        readProgress(
          database,
          messages.filter(({ type }) => type === 'progress'),
        ),
      ]);
      const events = messages.map((message) => {
        const key = toKeyText(message);
        return toEvent(message, jobs.get(key), progress.get(key));
      });
      for (const event of events) if (event) this.emit(event);
      return events.some((event) => event !== undefined);
    } catch (error) {
      database.report(error);
      return false;
    }
  }
}

/** Returns the event that a message is about, or undefined if the job contradicts it. */
export function toEvent(
  message: JobMessage,
  row: JobRow | undefined,
  progress: JobProgress | undefined,
): JobEvent | undefined {
  const { type, queue, job, at, by, attempt = 0 } = message;
  const base = { queue, job, at, by };
  // A later attempt may have begun before the row was read.
  if (!row || attempt > row.attempt) return undefined;
  const isEnd = attempt === row.attempt;
  switch (type) {
    case 'submitted':
      return { ...base, type };
    case 'started':
    case 'lost':
      return row.state === 'created' ? undefined : { ...base, type, attempt };
    case 'progress':
      return progress?.attempt === attempt ? { ...base, type, attempt, progress: progress.value } : undefined;
    case 'retrying':
      return isEnd && row.state !== 'retry'
        ? undefined
        : { ...base, type, attempt, failure: retriedFailure(message, row) };
    case 'completed':
      if (!isEnd || row.state !== 'completed') return undefined;
      return { ...base, type, attempt, ...(!row.outputLeftOut && { output: parseOutput(row.output) }) };
    case 'failed':
      return isEnd && row.state === 'failed'
        ? { ...base, type, attempt, failure: parseFailure(row.output) }
        : undefined;
    case 'cancelled':
      return row.state === 'cancelled' ? { ...base, type } : undefined;
  }
}

/** Returns the failure of an attempt that another follows. The row has only the last failure. */
function retriedFailure({ attempt = 0, released, by }: JobMessage, row: JobRow): JobFailure {
  if (released) return { name: releasedName, message: `Given back by ${by}` };
  const isStored = row.attempt === attempt || (row.attempt === attempt + 1 && row.state === 'active');
  return isStored ? parseFailure(row.output) : { name: 'Error', message: 'A later attempt has replaced this failure' };
}
