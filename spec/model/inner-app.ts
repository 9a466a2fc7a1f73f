import { Context } from './context.js';
import { formatOutcome } from './format.js';
import { Join } from './join.js';
import { formatError } from './log.js';
import type { ModelWorld } from './model-world.js';
import type { Run } from './run.js';
import type { Runner } from './runner.js';
import type { Failure, Outcome, Parent } from './types.js';

/**
 * An application that was started under a run's context: its tasks are children of that run. «A runner's failure
 * cancels the master with its error», and so does a cancel of the run's context.
 */
export class InnerApp implements Parent {
  readonly app: this = this;
  readonly parentRun: Run | undefined;
  closed = false;
  private readonly master = new Context();
  private readonly record: (text: string) => void;
  private readonly outcomes: Outcome[] = [];
  private startFailure: string | undefined = undefined;
  /** Whether the failure of a task has stopped the application, whatever its outcome is at the end. */
  private stoppedByFailure = false;

  constructor(parent: Context, record: (text: string) => void) {
    this.parentRun = parent.enclosingRun;
    this.record = record;
    this.master.onCancel((cause) => this.emit(`cancelled ${formatError(cause)}`));
    parent.onCancel((cause) => this.master.cancel(cause));
  }

  start(runners: readonly Runner[], timeout: number, world: ModelWorld): void {
    const { master } = this;
    const started = runners.filter((runner) =>
      runner.start(new Context(master), this, (cause) => master.cancel(cause)),
    );
    const join = new Join((notification) => {
      if (notification === 'complete') this.end();
      else this.outcomes.push(notification);
    }, started);
    join.start(master, timeout, world);
  }

  get unsubscribed(): boolean {
    return this.closed;
  }

  /** Receives an event of a task before those who listen to the run above do. */
  onEvent(run: Run, line: string): void {
    this.emit(`${run.path} ${line}`);
    if (line.startsWith('done') && run.error) this.onFailure(run.error);
  }

  onFailure(error: Failure): void {
    this.stoppedByFailure ||= !this.master.cancelled;
    this.master.cancel(error);
  }

  onEnd(): void {
    // The join receives the outcome.
  }

  onValue(): void {
    // Values are for the subscribers of the task's runner.
  }

  onStartFailed(error: string): void {
    this.startFailure ??= error;
    this.master.cancel(error);
  }

  private emit(text: string): void {
    if (!this.closed) this.record(text);
  }

  private end(): void {
    const clean =
      !this.stoppedByFailure && this.outcomes.every(({ status }) => status !== 'failed' && status !== 'timed-out');
    const report = `shutdown ${clean ? 'clean' : 'unclean'} of [${this.outcomes.map(formatOutcome).join(', ')}]`;
    // The last event, whatever its listeners do.
    this.closed = true;
    this.record(this.startFailure ?? report);
    this.master.cancel();
  }
}
