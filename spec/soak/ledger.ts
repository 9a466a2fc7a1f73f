import { DeadlineError, RestartLimitError } from '../../lib/index.js';

/** An error that was meant to happen: in a hook, in a subscriber, or in a future that nobody looks at. */
export class Boom extends Error {
  readonly of: 'hook' | 'subscriber' | 'future';

  constructor(of: Boom['of']) {
    super(`boom of a ${of}`);
    this.of = of;
  }
}

/** Whether an error was meant to happen, or comes of one that was. */
function isMeant(error: unknown): boolean {
  if (error instanceof Boom || error instanceof DeadlineError || error instanceof RestartLimitError) return true;
  return error instanceof Error && error.cause !== undefined && isMeant(error.cause);
}

/** What has begun and must end, once; and whatever must not be. */
export class Ledger {
  readonly faults: string[] = [];
  readonly begun: Record<string, number> = {};
  readonly ended: Record<string, number> = {};
  /** Errors that nobody is there to catch: as many as were thrown must be reported. */
  readonly thrown: Record<'subscriber' | 'future', number> = { subscriber: 0, future: 0 };
  readonly reported: Record<'subscriber' | 'future', number> = { subscriber: 0, future: 0 };
  private readonly open = new Set<string[]>();

  /** Gives what is to be called when it ends. */
  begin(what: string): () => void {
    const entry = [what];
    this.open.add(entry);
    this.begun[what] = (this.begun[what] ?? 0) + 1;
    return () => {
      this.expect(this.open.delete(entry), `${what} has ended twice`);
      this.ended[what] = (this.ended[what] ?? 0) + 1;
    };
  }

  expect(holds: boolean, fault: string): void {
    if (!holds) this.faults.push(fault);
  }

  get isQuiet(): boolean {
    return this.open.size === 0;
  }

  /** Whatever has not ended by now never will. */
  close(): void {
    const left: Record<string, number> = {};
    for (const [what = ''] of this.open) left[what] = (left[what] ?? 0) + 1;
    for (const [what, count] of Object.entries(left)) this.faults.push(`${what}: ${count} have not ended`);
    this.open.clear();
  }

  throw(of: 'subscriber' | 'future'): Boom {
    this.thrown[of]++;
    return new Boom(of);
  }

  /** An error has come RxJS's way for those that nobody is there to catch. */
  unhandled(error: unknown): void {
    if (error instanceof Boom && error.of !== 'hook') this.reported[error.of]++;
    else this.faults.push(`nobody handles ${String(error)}`);
  }

  /** An error was written. */
  written(error: unknown): void {
    this.expect(isMeant(error), `written: ${String(error)}`);
  }
}
