import { stripEscapes } from '../../util/printable.js';
import { displayWidth } from '../text-width.js';
import { sizeOf, type Output } from './terminal-output.js';

type Write = Output['write'];

/**
 * Lines at the bottom of a terminal, redrawn in place. Text that others write to the same streams appears above them:
 * the lines are erased before the write, and drawn again after it. The cursor stays visible below the lines, so that
 * nothing needs to be restored, even if the process is killed.
 */
export class LiveRegion {
  private readonly output: Output;
  private readonly write: Write;
  private readonly restores: (() => void)[] = [];
  private readonly onErased: () => void;
  /** The widths of the drawn lines. */
  private lineWidths: readonly number[] = [];
  /** The text of others after their last line break. */
  private partialLine = '';

  /**
   * @param others streams of the same terminal.
   * @param onErased is called when a write of others has erased the lines.
   */
  constructor(output: Output, others: readonly Output[], onErased: () => void) {
    this.output = output;
    this.write = output.write.bind(output);
    this.onErased = onErased;
    // Moves to a new line only if the cursor's line has text.
    if (output.columns) this.write(`${' '.repeat(output.columns)}\r\u001b[J`);
    for (const stream of new Set([output, ...others])) this.restores.push(this.intercept(stream));
  }

  /** Draws the lines. Each must fit the width of the terminal. */
  show(lines: readonly string[]): void {
    const lineBreak = this.partialLine === '' ? '' : '\n';
    // Terminals that support synchronized output draw this at once; others ignore the sequence.
    const text = lines.map((line) => `${line}\n`).join('');
    this.write(`\u001b[?2026h${this.eraseSequence()}${lineBreak}${text}\u001b[?2026l`);
    this.lineWidths = lines.map((line) => displayWidth(stripEscapes(line)));
  }

  /** Writes lines that stay. */
  log(text: string): void {
    this.erase();
    this.write(this.partialLine === '' ? text : `\n${text}`);
    this.partialLine = '';
  }

  /** Erases the lines and restores the streams. */
  close(): void {
    this.erase();
    for (const restore of this.restores.splice(0)) restore();
  }

  private erase(): void {
    const sequence = this.eraseSequence();
    if (sequence) this.write(sequence);
    this.lineWidths = [];
  }

  /** Returns the text that erases the lines and moves the cursor to the end of the text of others. */
  private eraseSequence(): string {
    if (this.lineWidths.length === 0) return '';
    const { columns } = sizeOf(this.output);
    // A terminal that became narrower has wrapped the lines.
    const rows = this.lineWidths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    if (this.partialLine === '') return `\u001b[${rows}A\r\u001b[J`;
    const column = displayWidth(stripEscapes(this.partialLine)) % columns;
    return `\u001b[${rows + 1}A\r${column > 0 ? `\u001b[${column}C` : ''}\u001b[J`;
  }

  private intercept(stream: Output): () => void {
    const descriptor = Object.getOwnPropertyDescriptor(stream, 'write');
    const write = stream.write.bind(stream);
    const intercepted = (...args: Parameters<Write>) => {
      const isDrawn = this.lineWidths.length > 0;
      this.erase();
      this.trackPartialLine(args[0]);
      const result = write(...args);
      if (isDrawn) this.onErased();
      return result;
    };
    stream.write = intercepted;
    return () => {
      // Someone else has replaced `write` since.
      if (stream.write !== intercepted) return;
      if (descriptor) Object.defineProperty(stream, 'write', descriptor);
      else delete (stream as Partial<Output>).write;
    };
  }

  private trackPartialLine(written: unknown): void {
    const text = typeof written === 'string' ? written : Buffer.from(written as Uint8Array).toString();
    const end = text.lastIndexOf('\n');
    const rest = end === -1 ? this.partialLine + text : text.slice(end + 1);
    this.partialLine = rest.slice(rest.lastIndexOf('\r') + 1).slice(-1000);
  }
}
