import type { EndedRun } from '../../app/application-info.js';
import type { RunContext } from '../../context/types.js';
import type { CompositeRun } from '../../task/composite.js';
import { isOfJob, type JobMessages } from './job-messages.js';
import { RunLog } from './run-log.js';

/** The number of paths whose runs are kept. A task may invent a path for each run that it starts. */
const maxPaths = 5000;
/** Errors of this period are read together, and of each path the last one alone. */
const readDelayMs = 50;

/** The last runs of all tasks, by path. */
export class RunLogs {
  private readonly logs = new Map<string, RunLog>();
  private readonly unread = new Set<RunLog>();
  private readonly jobMessages: JobMessages | undefined;
  private readTimer: NodeJS.Timeout | undefined = undefined;

  /** @param jobMessages hides the messages and stacks of the errors of jobs; `undefined` if they are shown. */
  constructor(jobMessages: JobMessages | undefined) {
    this.jobMessages = jobMessages;
  }

  add({ run, end }: EndedRun): void {
    // The runs of a cron are those of its slots.
    if (isOfCron(run)) return;
    const log = this.logOf(run.task);
    const { jobMessages } = this;
    log.add(
      end,
      end.error !== undefined && jobMessages !== undefined && (isOfJob(run) || jobMessages.isFromJob(end.error)),
    );
    if (!end.error) return;
    this.unread.add(log);
    this.readTimer ??= setTimeout(() => this.readErrors(), readDelayMs).unref();
  }

  get(path: string): RunLog | undefined {
    return this.logs.get(path);
  }

  /** Stops the timer. */
  end(): void {
    clearTimeout(this.readTimer);
  }

  private readErrors(): void {
    this.readTimer = undefined;
    for (const log of this.unread) log.readError();
    this.unread.clear();
  }

  private logOf(path: string): RunLog {
    let log = this.logs.get(path);
    if (log) return log;
    if (this.logs.size >= maxPaths) this.dropOldest();
    this.logs.set(path, (log = new RunLog()));
    return log;
  }

  /** Drops the half of the paths whose last run ended first, so that many new paths cost little each. */
  private dropOldest(): void {
    const oldestFirst = [...this.logs].sort(([, a], [, b]) => a.lastEnd - b.lastEnd);
    for (const [path] of oldestFirst.slice(0, maxPaths / 2)) this.logs.delete(path);
  }
}

/** Whether a run is that of a cron, rather than of one of its slots. */
function isOfCron(run: RunContext): boolean {
  return (run as Partial<Pick<CompositeRun, 'history'>>).history?.slots !== undefined;
}
