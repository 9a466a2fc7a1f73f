import type { Doll } from './doll.js';
import type { Run } from './run.js';
import type { Hand, How, Kind } from './script.js';
import type { Flow, Phase } from './words.js';

abstract class Hook implements Flow, Hand {
  readonly grace: number = 0;
  protected open = true;
  protected readonly doll: Doll;
  protected readonly run: Run;
  protected readonly phase: Phase;
  protected readonly kind: Kind;

  constructor(doll: Doll, run: Run, phase: Phase, kind: Kind) {
    this.doll = doll;
    this.run = run;
    this.phase = phase;
    this.kind = kind;
  }

  begin(): void {
    this.doll.hands.add(this);
  }

  abstract cut(): void;

  yields(): void {
    // Unless it can.
  }

  ends(): void {
    // Unless it can.
  }

  fails(how: How): void {
    if (this.open) this.doll.tell(`cannot ${how}`);
  }

  protected error(how: How): { cause: unknown; excused: boolean } {
    const { cancelled, cause } = this.run.ctx;
    if (how === 'aborts') return { cause: 'AbortError', excused: true };
    if (how === 'fails around the cause') return { cause: 'wrapped', excused: cancelled };
    if (how === 'fails with the cause' && this.phase !== 'finalize') return { cause, excused: cancelled };
    return { cause: this.doll.next(), excused: false };
  }

  /** Lets go of what it held; then it has ended. */
  protected end(): void {
    this.open = false;
    this.run.ended();
  }
}

class Value extends Hook {
  override readonly grace: number = Infinity;

  override begin(): void {
    const { run, doll } = this;
    run.over();
    if (this.kind === 'throws') run.fail(doll.next());
    else run.value(doll.next());
    this.end();
  }

  /** It has been given back already. */
  cut(): void {
    if (this.open) this.begin();
  }
}

/** «An Observable is unsubscribed after `grace`.» */
class Stream extends Hook {
  private subscribed = false;
  /** It has told its one end. */
  private stopped = false;

  override begin(): void {
    this.subscribed = true;
    super.begin();
  }

  cut(): void {
    if (this.open) this.end();
  }

  override yields(): void {
    this.run.value(this.doll.next());
  }

  override ends(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.doll.hands.delete(this);
    this.run.over();
    this.end();
  }

  override fails(how: How): void {
    if (this.stopped) return;
    this.stopped = true;
    this.doll.hands.delete(this);
    const { cause, excused } = this.error(how);
    this.run.over();
    this.run.fail(cause, excused);
    this.end();
  }

  /** «`execute`'s own teardown has run before the child context is cancelled and `finalize` is called» */
  protected override end(): void {
    this.open = false;
    this.doll.hands.delete(this);
    if (this.subscribed) {
      this.doll.tell('is torn down');
      if (this.kind === 'rude') this.run.fail('rude');
      if (this.kind === 'abrupt') this.run.fail('AbortError', true);
    }
    super.end();
  }
}

/** «A promise cannot be cut: it is waited for, `Infinity` unless the task says less» */
class Promised extends Hook {
  override readonly grace: number = Infinity;

  constructor(...args: ConstructorParameters<typeof Hook>) {
    super(...args);
    this.doll.hands.add(this);
  }

  override begin(): void {
    // It has begun by itself.
  }

  cut(): void {
    if (this.open) this.end();
  }

  override ends(): void {
    const value = this.doll.next();
    this.settle(() => this.run.value(value));
  }

  override fails(how: How): void {
    const error = this.error(how);
    this.settle(() => this.run.fail(error.cause, error.excused), error);
  }

  private settle(tell: () => void, error?: { cause: unknown; excused: boolean }): void {
    const { doll, run, phase } = this;
    doll.hands.delete(this);
    doll.stage.promise(() => {
      if (!this.open) return run.late(phase, error);
      run.over();
      tell();
      this.end();
    });
  }
}

/** «An async iterable has `return()` called when its grace (0) has passed, and that is awaited; its later values are dropped.» */
class Iterable extends Hook {
  private asked = false;
  private closing = false;

  override begin(): void {
    super.begin();
    this.asked = true;
  }

  cut(): void {
    if (!this.open) return;
    this.open = false;
    this.closing = true;
    this.doll.hands.add(this);
    this.doll.tell('is returned');
  }

  override yields(): void {
    if (!this.asked) return;
    this.asked = false;
    const value = this.doll.next();
    this.doll.stage.promise(() => {
      if (!this.open) return this.run.late(this.phase);
      this.run.value(value);
      this.asked = !this.closing;
    });
  }

  override ends(): void {
    this.settle(() => undefined);
  }

  override fails(how: How): void {
    if (!this.closing && !this.asked) return;
    const { cause, excused } = this.error(how);
    this.settle(() => this.run.fail(cause, excused));
  }

  private settle(tell: () => void): void {
    const { doll, run, closing } = this;
    if (!closing && !this.asked) return;
    this.asked = false;
    doll.hands.delete(this);
    doll.stage.promise(() => {
      if (!closing && this.open) run.over();
      tell();
      if (closing || this.open) this.end();
    });
  }
}

/** Each kind of what a hook gives back. */
export const hooks: Record<Kind, new (doll: Doll, run: Run, phase: Phase, kind: Kind) => Flow> = {
  value: Value,
  throws: Value,
  stream: Stream,
  rude: Stream,
  abrupt: Stream,
  promise: Promised,
  iterable: Iterable,
};
