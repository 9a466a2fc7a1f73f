/** Where text goes: `process.stderr`, a file, a test's own. */
export interface Output {
  /** As a stream's: `done` is called when it is written, or cannot be. */
  write(text: string, done?: (error?: Error | null) => void): unknown;
  readonly isTTY?: boolean;
  /** Of a terminal. */
  readonly columns?: number;
  readonly rows?: number;
  /** A terminal tells that its size has changed. */
  on?(event: 'resize', listener: () => void): unknown;
  /** No more is told. */
  off?(event: 'resize', listener: () => void): unknown;
  /** A stream tells that it cannot be written to. */
  once?(event: 'error', listener: () => void): unknown;
}

/** A terminal that does not know its size, as one without a window, says 0. */
export function sizeOf({ columns, rows }: Output): { readonly columns: number; readonly rows: number } {
  return {
    columns: columns === undefined || columns === 0 ? 80 : columns,
    rows: rows === undefined || rows === 0 ? 24 : rows,
  };
}

/** As the console does: that nobody reads any longer is no reason for an application to fail. */
export function writeTo(output: Output, text: string): void {
  output.write(text, (error) => {
    if (!error || failing.has(output)) return;
    failing.add(output);
    output.once?.('error', () => failing.delete(output));
  });
}

/** Those whose error is waited for, which comes once for many texts that could not be written. */
const failing = new WeakSet<Output>();

/** Whether it takes colours: a terminal's does, and `NO_COLOR` and `FORCE_COLOR` have the last word. */
export function takesColors({ isTTY }: Output): boolean {
  const { FORCE_COLOR: force, NO_COLOR: no, TERM: term } = process.env;
  if (force !== undefined) return force !== '0' && force !== 'false';
  return isTTY === true && !no && term !== 'dumb';
}
