import { Observable, type Subscriber } from 'rxjs';
import type { CancelFunc, Coordinator, Phase, RunContext, SimpleTask, Task, TaskOutput } from '../../lib/index.js';
import type { LeaseRequest, PendingHook, FailureMode, OutputKind, TaskPlan } from './task-plan.js';
import { formatError, type Log } from './log.js';

/** A task of the library whose hooks are controlled by commands. */
export class ControlledTask {
  readonly name: string;
  readonly task: SimpleTask<string> & Partial<Task<string>>;
  /** The pending hook calls, and the interrupted ones that may still settle. */
  readonly pendingHooks: Set<PendingHook> = new Set<PendingHook>();
  /** The lease requests, if this is the task of a cron. */
  readonly leaseRequests: Set<LeaseRequest> = new Set<LeaseRequest>();
  ctx: RunContext | undefined = undefined;
  cancel: CancelFunc | undefined = undefined;
  private readonly plan: TaskPlan;
  private readonly log: Log;
  private readonly calls = { initialize: 0, execute: 0, finalize: 0 };
  private valueCount = 0;

  constructor(name: string, plan: TaskPlan, log: Log) {
    this.name = name;
    this.plan = plan;
    this.log = log;
    const { initialize, finalize, grace, startTimeout } = plan;
    this.task = {
      toString: () => name,
      ...(grace !== null && { grace }),
      ...(startTimeout !== null && { startTimeout }),
      ...(initialize && { initialize: (ctx: RunContext) => this.call('initialize', ctx) }),
      execute: (ctx, cancel) => {
        this.cancel = cancel;
        return this.call('execute', ctx);
      },
      ...(finalize && { finalize: () => this.call('finalize') }),
    };
  }

  /** The coordinator of the task's slots. Commands control its answers. */
  readonly coordinator: Coordinator = {
    lease: (_, slot) =>
      new Observable((subscriber) => {
        const request: LeaseRequest = {
          answer: (answer) => {
            if (answer === 'fail') subscriber.error(new Error('lost'));
            else if (answer === 'complete') subscriber.complete();
            else subscriber.next(answer === 'grant');
          },
        };
        this.leaseRequests.add(request);
        this.log.record('leases', `${slot} is requested`);
        return () => {
          this.leaseRequests.delete(request);
          this.log.record('leases', `${slot} is released`);
        };
      }),
  };

  private nextValue(): string {
    return `${this.name}${++this.valueCount}`;
  }

  private record(text: string): void {
    this.log.record('task', `${this.name} ${text}`);
  }

  private call(phase: Phase, ctx?: RunContext): TaskOutput<string> {
    const kinds = this.plan[phase] ?? [];
    const kind = kinds[this.calls[phase]++ % kinds.length] ?? 'value';
    if (ctx && ctx !== this.ctx) {
      this.ctx = ctx;
      ctx.cancelled$.subscribe((cause) => this.record(`is cancelled by ${formatError(cause)}`));
    }
    this.record(phase);
    return this.outputs[kind](this.errorFactory(phase), kind);
  }

  private errorFactory(phase: Phase): (how: FailureMode) => unknown {
    const { ctx } = this;
    return (mode) => {
      if (mode === 'abort') return new DOMException('It was aborted', 'AbortError');
      if (mode === 'fail wrapping the cause') return new Error('wrapped', { cause: ctx?.cause });
      if (mode === 'fail with the cause' && phase !== 'finalize') return ctx?.cause;
      return new Error(this.nextValue());
    };
  }

  private readonly outputs: Record<
    OutputKind,
    (toError: (mode: FailureMode) => unknown, kind: OutputKind) => TaskOutput<string>
  > = {
    value: () => this.nextValue(),
    throws: () => {
      throw new Error(this.nextValue());
    },
    stream: (toError, kind) =>
      new Observable((subscriber: Subscriber<string>) => {
        const hook: PendingHook = {
          emit: () => subscriber.next(this.nextValue()),
          complete: () => {
            if (this.pendingHooks.delete(hook)) subscriber.complete();
          },
          fail: (mode) => {
            if (this.pendingHooks.delete(hook)) subscriber.error(toError(mode));
          },
        };
        this.pendingHooks.add(hook);
        return () => {
          this.pendingHooks.delete(hook);
          this.record('is torn down');
          if (kind === 'throwing teardown') throw new Error('throwing teardown');
          if (kind === 'aborting teardown') throw new DOMException('It was aborted', 'AbortError');
        };
      }),
    'throwing teardown': (toError, kind) => this.outputs.stream(toError, kind),
    'aborting teardown': (toError, kind) => this.outputs.stream(toError, kind),
    promise: (toError) =>
      new Promise<string>((resolve, reject) => {
        const hook: PendingHook = {
          emit: () => undefined,
          complete: () => {
            this.pendingHooks.delete(hook);
            resolve(this.nextValue());
          },
          fail: (mode) => {
            this.pendingHooks.delete(hook);
            reject(toError(mode));
          },
        };
        this.pendingHooks.add(hook);
      }),
    iterable: (toError) =>
      new ControlledIterable(
        toError,
        this.pendingHooks,
        () => this.nextValue(),
        (text) => this.record(text),
      ),
  };
}

type Settle = Parameters<ConstructorParameters<typeof Promise<IteratorResult<string>>>[0]>;

/** An async iterable that yields only values that were pulled. */
class ControlledIterable implements PendingHook, AsyncIterable<string>, AsyncIterator<string> {
  private readonly toError: (mode: FailureMode) => unknown;
  private readonly pendingHooks: Set<PendingHook>;
  private readonly nextValue: () => string;
  private readonly record: (text: string) => void;
  private pulled: Settle | undefined = undefined;
  private closing: Settle | undefined = undefined;

  constructor(
    toError: (mode: FailureMode) => unknown,
    pendingHooks: Set<PendingHook>,
    nextValue: () => string,
    record: (text: string) => void,
  ) {
    this.toError = toError;
    this.pendingHooks = pendingHooks;
    this.nextValue = nextValue;
    this.record = record;
  }

  [Symbol.asyncIterator](): AsyncIterator<string> {
    return this;
  }

  next(): Promise<IteratorResult<string>> {
    this.pendingHooks.add(this);
    return new Promise((...settle) => (this.pulled = settle));
  }

  return(): Promise<IteratorResult<string>> {
    const closed = new Promise<IteratorResult<string>>((...settle) => (this.closing = settle));
    this.pendingHooks.add(this);
    this.record('is returned');
    return closed;
  }

  emit(): void {
    const { pulled } = this;
    this.pulled = undefined;
    pulled?.[0]({ value: this.nextValue() });
  }

  complete(): void {
    this.settle()?.[0]({ done: true, value: undefined });
  }

  fail(mode: FailureMode): void {
    this.settle()?.[1](this.toError(mode));
  }

  private settle(): Settle | undefined {
    const settle = this.closing ?? this.pulled;
    if (settle) this.pendingHooks.delete(this);
    this.pulled = undefined;
    return settle;
  }
}
