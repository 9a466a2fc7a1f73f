import { DeadlineError, RestartLimitError } from '../../lib/index.js';
import { isLateLine } from '../helpers/late-lines.js';

/** An error that is thrown on purpose: in a hook, in a subscriber, or in a future without subscribers. */
export class ExpectedError extends Error {
  readonly source: 'hook' | 'subscriber' | 'future';

  constructor(source: ExpectedError['source']) {
    super(`expected error of a ${source}`);
    this.source = source;
  }
}

/** Whether an error was thrown on purpose, or was caused by such an error. */
function isExpected(error: unknown): boolean {
  if (error instanceof ExpectedError || error instanceof DeadlineError || error instanceof RestartLimitError)
    return true;
  return error instanceof Error && error.cause !== undefined && isExpected(error.cause);
}

/** Everything that has started and must end exactly once, and the faults found. */
export class Ledger {
  readonly faults: string[] = [];
  readonly begun: Record<string, number> = {};
  readonly ended: Record<string, number> = {};
  /** Unhandled errors: as many as were thrown must be reported. */
  readonly thrown: Record<'subscriber' | 'future', number> = { subscriber: 0, future: 0 };
  readonly reported: Record<'subscriber' | 'future', number> = { subscriber: 0, future: 0 };
  private readonly open = new Set<string[]>();

  /** Returns a function to call when it ends. */
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

  get isIdle(): boolean {
    return this.open.size === 0;
  }

  /** Adds a fault for everything that has not ended. */
  close(): void {
    const openCounts: Record<string, number> = {};
    for (const [what = ''] of this.open) openCounts[what] = (openCounts[what] ?? 0) + 1;
    for (const [what, count] of Object.entries(openCounts)) this.faults.push(`${what}: ${count} have not ended`);
    this.open.clear();
  }

  expectError(source: 'subscriber' | 'future'): ExpectedError {
    this.thrown[source]++;
    return new ExpectedError(source);
  }

  /** Called with an error that RxJS reports as unhandled. */
  onUnhandledError(error: unknown): void {
    if (error instanceof ExpectedError && error.source !== 'hook') this.reported[error.source]++;
    else this.faults.push(`unhandled ${String(error)}`);
  }

  /** Called with an error or a line that was written to the console. */
  onConsoleError(text: unknown): void {
    this.expect(isExpected(text) || isLateLine(String(text)), `written: ${String(text)}`);
  }
}
