import type { ModelTask } from './model-task.js';
import type { Run } from './run.js';
import type { PendingHook, FailureMode, OutputKind } from './task-plan.js';
import type { HookOutput, Phase } from './types.js';

abstract class Hook implements HookOutput, PendingHook {
  readonly grace: number = 0;
  protected active = true;
  protected readonly task: ModelTask;
  protected readonly run: Run;
  protected readonly phase: Phase;
  protected readonly kind: OutputKind;

  constructor(task: ModelTask, run: Run, phase: Phase, kind: OutputKind) {
    this.task = task;
    this.run = run;
    this.phase = phase;
    this.kind = kind;
  }

  start(): void {
    this.task.pendingHooks.add(this);
  }

  abstract interrupt(): void;

  emit(): void {
    // Does nothing by default.
  }

  complete(): void {
    // Does nothing by default.
  }

  fail(mode: FailureMode): void {
    if (this.active) this.task.record(`cannot ${mode}`);
  }

  protected toError(mode: FailureMode): { cause: unknown; excused: boolean } {
    const { cancelled, cause } = this.run.ctx;
    if (mode === 'abort') return { cause: 'AbortError', excused: true };
    if (mode === 'fail wrapping the cause') return { cause: 'wrapped', excused: cancelled };
    if (mode === 'fail with the cause' && this.phase !== 'finalize') return { cause, excused: cancelled };
    return { cause: this.task.nextValue(), excused: false };
  }

  /** Releases all resources and ends the hook. */
  protected release(): void {
    this.active = false;
    this.run.released();
  }
}

class Value extends Hook {
  override readonly grace: number = Infinity;
  private delivered = false;

  override start(): void {
    const { run, task } = this;
    this.delivered = true;
    run.sourceEnded();
    if (this.kind === 'throws') run.fail(task.nextValue());
    else run.next(task.nextValue());
    this.release();
  }

  /** A value is returned already when the cancel comes, so it counts. */
  interrupt(): void {
    if (!this.delivered) this.start();
  }
}

/** «An Observable is unsubscribed after `grace`.» */
class Stream extends Hook {
  private subscribed = false;
  /** Whether the source has completed or failed. */
  private terminated = false;

  override start(): void {
    this.subscribed = true;
    super.start();
  }

  interrupt(): void {
    if (this.active) this.release();
  }

  override emit(): void {
    this.run.next(this.task.nextValue());
  }

  override complete(): void {
    if (this.terminated) return;
    this.terminated = true;
    this.task.pendingHooks.delete(this);
    this.run.sourceEnded();
    this.release();
  }

  override fail(mode: FailureMode): void {
    if (this.terminated) return;
    this.terminated = true;
    this.task.pendingHooks.delete(this);
    const { cause, excused } = this.toError(mode);
    this.run.sourceEnded();
    this.run.fail(cause, excused);
    this.release();
  }

  /** «`execute`'s own teardown has run before the child context is cancelled and `finalize` is called» */
  protected override release(): void {
    this.active = false;
    this.task.pendingHooks.delete(this);
    if (this.subscribed) {
      this.task.record('is torn down');
      if (this.kind === 'throwing teardown') this.run.fail('throwing teardown');
      if (this.kind === 'aborting teardown') this.run.fail('AbortError', true);
    }
    super.release();
  }
}

/** «A promise cannot be cut: it is waited for, `Infinity` unless the task says less» */
class Promised extends Hook {
  override readonly grace: number = Infinity;

  constructor(...args: ConstructorParameters<typeof Hook>) {
    super(...args);
    this.task.pendingHooks.add(this);
  }

  override start(): void {
    // A promise starts by itself.
  }

  interrupt(): void {
    if (this.active) this.release();
  }

  override complete(): void {
    const value = this.task.nextValue();
    this.settle(() => this.run.next(value));
  }

  override fail(mode: FailureMode): void {
    const error = this.toError(mode);
    this.settle(() => this.run.fail(error.cause, error.excused), error);
  }

  private settle(report: () => void, error?: { cause: unknown; excused: boolean }): void {
    const { task, run, phase } = this;
    task.pendingHooks.delete(this);
    task.world.settleLater(() => {
      if (!this.active) return run.lateResult(phase, error);
      run.sourceEnded();
      report();
      this.release();
    });
  }
}

/**
 * «An async iterable has `return()` called when its grace (0) has passed, and that is awaited; its later values are
 * dropped.» An error of `return` is no failure of the run.
 */
class Iterable extends Hook {
  private pulled = false;
  private closing = false;

  override start(): void {
    super.start();
    this.pulled = true;
  }

  interrupt(): void {
    if (!this.active) return;
    this.active = false;
    this.closing = true;
    this.task.pendingHooks.add(this);
    this.task.record('is returned');
  }

  override emit(): void {
    if (!this.pulled) return;
    this.pulled = false;
    const value = this.task.nextValue();
    this.task.world.settleLater(() => {
      if (!this.active) return this.run.lateResult(this.phase);
      this.run.next(value);
      this.pulled = !this.closing;
    });
  }

  override complete(): void {
    this.settle(() => undefined);
  }

  override fail(mode: FailureMode): void {
    if (!this.closing && !this.pulled) return;
    const { cause, excused } = this.toError(mode);
    if (this.closing) this.settle(() => this.run.teardownFailed(cause));
    else this.settle(() => this.run.fail(cause, excused));
  }

  private settle(report: () => void): void {
    const { task, run, closing } = this;
    if (!closing && !this.pulled) return;
    this.pulled = false;
    task.pendingHooks.delete(this);
    task.world.settleLater(() => {
      if (!closing && this.active) run.sourceEnded();
      report();
      if (closing || this.active) this.release();
    });
  }
}

/** The model of each kind of output. */
export const hooks: Record<OutputKind, new (task: ModelTask, run: Run, phase: Phase, kind: OutputKind) => HookOutput> =
  {
    value: Value,
    throws: Value,
    stream: Stream,
    'throwing teardown': Stream,
    'aborting teardown': Stream,
    promise: Promised,
    iterable: Iterable,
  };
