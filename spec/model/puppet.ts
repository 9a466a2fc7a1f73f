import { Observable, type Subscriber } from 'rxjs';
import type { CancelFunc, Coordinator, Phase, RunContext, SimpleTask, Task, TaskOutput } from '../../lib/index.js';
import type { Asked, Hand, How, Kind, Script } from './script.js';
import { shown, type Log } from './log.js';

/** A task whose hooks do what they are told. */
export class Puppet {
  readonly name: string;
  readonly task: SimpleTask<string> & Partial<Task<string>>;
  /** The hooks under way, and those that were cut but may yet settle. */
  readonly hands: Set<Hand> = new Set<Hand>();
  /** Slots that a coordinator was asked for, when it is a cron's. */
  readonly leases: Set<Asked> = new Set<Asked>();
  ctx: RunContext | undefined = undefined;
  cancel: CancelFunc | undefined = undefined;
  private readonly script: Script;
  private readonly log: Log;
  private readonly calls = { initialize: 0, execute: 0, finalize: 0 };
  private count = 0;

  constructor(name: string, script: Script, log: Log) {
    this.name = name;
    this.script = script;
    this.log = log;
    const { initialize, finalize, grace } = script;
    this.task = {
      toString: () => name,
      ...(grace !== null && { grace }),
      ...(initialize && { initialize: (ctx: RunContext) => this.call('initialize', ctx) }),
      execute: (ctx, cancel) => {
        this.cancel = cancel;
        return this.call('execute', ctx);
      },
      ...(finalize && { finalize: () => this.call('finalize') }),
    };
  }

  /** What a coordinator of its slots says is what it is told to say. */
  readonly coordinator: Coordinator = {
    lease: (_, slot) =>
      new Observable((subscriber) => {
        const asked: Asked = {
          answer: (answer) => {
            if (answer === 'fails') subscriber.error(new Error('lost'));
            else if (answer === 'ends') subscriber.complete();
            else subscriber.next(answer === 'grants');
          },
        };
        this.leases.add(asked);
        this.log.tell('leases', `${slot} is asked for`);
        return () => {
          this.leases.delete(asked);
          this.log.tell('leases', `${slot} is let go of`);
        };
      }),
  };

  private next(): string {
    return `${this.name}${++this.count}`;
  }

  private tell(what: string): void {
    this.log.tell('work', `${this.name} ${what}`);
  }

  private call(phase: Phase, ctx?: RunContext): TaskOutput<string> {
    const kinds = this.script[phase] ?? [];
    const kind = kinds[this.calls[phase]++ % kinds.length] ?? 'value';
    if (ctx && ctx !== this.ctx) {
      this.ctx = ctx;
      ctx.cancelled$.subscribe((cause) => this.tell(`is told of ${shown(cause)}`));
    }
    this.tell(phase);
    return this.outputs[kind](this.errorsIn(phase), kind);
  }

  private errorsIn(phase: Phase): (how: How) => unknown {
    const { ctx } = this;
    return (how) => {
      if (how === 'aborts') return new DOMException('It was aborted', 'AbortError');
      if (how === 'fails around the cause') return new Error('wrapped', { cause: ctx?.cause });
      if (how === 'fails with the cause' && phase !== 'finalize') return ctx?.cause;
      return new Error(this.next());
    };
  }

  private readonly outputs: Record<Kind, (error: (how: How) => unknown, kind: Kind) => TaskOutput<string>> = {
    value: () => this.next(),
    throws: () => {
      throw new Error(this.next());
    },
    stream: (error, kind) =>
      new Observable((subscriber: Subscriber<string>) => {
        const hand: Hand = {
          yields: () => subscriber.next(this.next()),
          ends: () => {
            if (this.hands.delete(hand)) subscriber.complete();
          },
          fails: (how) => {
            if (this.hands.delete(hand)) subscriber.error(error(how));
          },
        };
        this.hands.add(hand);
        return () => {
          this.hands.delete(hand);
          this.tell('is torn down');
          if (kind === 'rude') throw new Error('rude');
          if (kind === 'abrupt') throw new DOMException('It was aborted', 'AbortError');
        };
      }),
    rude: (error, kind) => this.outputs.stream(error, kind),
    abrupt: (error, kind) => this.outputs.stream(error, kind),
    promise: (error) =>
      new Promise<string>((resolve, reject) => {
        const hand: Hand = {
          yields: () => undefined,
          ends: () => {
            this.hands.delete(hand);
            resolve(this.next());
          },
          fails: (how) => {
            this.hands.delete(hand);
            reject(error(how));
          },
        };
        this.hands.add(hand);
      }),
    iterable: (error) =>
      new Turned(
        error,
        this.hands,
        () => this.next(),
        (what) => this.tell(what),
      ),
  };
}

type Settle = Parameters<ConstructorParameters<typeof Promise<IteratorResult<string>>>[0]>;

/** An async iterable of which each value is one that somebody asks for. */
class Turned implements Hand, AsyncIterable<string>, AsyncIterator<string> {
  private readonly error: (how: How) => unknown;
  private readonly hands: Set<Hand>;
  private readonly value: () => string;
  private readonly tell: (what: string) => void;
  private asked: Settle | undefined = undefined;
  private closing: Settle | undefined = undefined;

  constructor(error: (how: How) => unknown, hands: Set<Hand>, value: () => string, tell: (what: string) => void) {
    this.error = error;
    this.hands = hands;
    this.value = value;
    this.tell = tell;
  }

  [Symbol.asyncIterator](): AsyncIterator<string> {
    return this;
  }

  next(): Promise<IteratorResult<string>> {
    this.hands.add(this);
    return new Promise((...settle) => (this.asked = settle));
  }

  return(): Promise<IteratorResult<string>> {
    const closed = new Promise<IteratorResult<string>>((...settle) => (this.closing = settle));
    this.hands.add(this);
    this.tell('is returned');
    return closed;
  }

  yields(): void {
    const { asked } = this;
    this.asked = undefined;
    asked?.[0]({ value: this.value() });
  }

  ends(): void {
    this.settle()?.[0]({ done: true, value: undefined });
  }

  fails(how: How): void {
    this.settle()?.[1](this.error(how));
  }

  private settle(): Settle | undefined {
    const settle = this.closing ?? this.asked;
    if (settle) this.hands.delete(this);
    this.asked = undefined;
    return settle;
  }
}
