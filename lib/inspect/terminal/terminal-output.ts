/** A destination of text: `process.stderr`, a file, or a test's own. */
export interface Output {
  /** Writes a text. `done` is called when the text has been written or the write has failed. */
  write(text: string, done?: (error?: Error | null) => void): unknown;
  readonly isTTY?: boolean;
  /** The size of a terminal. */
  readonly columns?: number;
  readonly rows?: number;
  /** Adds a listener for changes of the size. */
  on?(event: 'resize', listener: () => void): unknown;
  /** Removes a listener. */
  off?(event: 'resize', listener: () => void): unknown;
  /** Adds a listener for a failed write. */
  once?(event: 'error', listener: () => void): unknown;
}

/** Returns the size of a terminal. A terminal without a window reports 0 columns and rows. */
export function sizeOf({ columns, rows }: Output): { readonly columns: number; readonly rows: number } {
  return {
    columns: columns === undefined || columns === 0 ? 80 : columns,
    rows: rows === undefined || rows === 0 ? 24 : rows,
  };
}

/**
 * Writes like the console: an application does not fail because its output is closed.
 *
 * @param write the function that writes to the output. Default: its own.
 */
export function writeTo(output: Output, text: string, write: Output['write'] = output.write.bind(output)): void {
  write(text, (error) => {
    if (!error || failed.has(output)) return;
    failed.add(output);
    output.once?.('error', () => failed.delete(output));
  });
}

/** Outputs with a pending `error` event. Several failed writes cause one event. */
const failed = new WeakSet<Output>();

/** Whether an output shows colours: a terminal does, unless `NO_COLOR` or `FORCE_COLOR` decide otherwise. */
export function takesColors({ isTTY }: Output): boolean {
  const { FORCE_COLOR: force, NO_COLOR: no, TERM: term } = process.env;
  if (force !== undefined) return force !== '0' && force !== 'false';
  return isTTY === true && !no && term !== 'dumb';
}
