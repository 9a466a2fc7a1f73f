import { stripEscapes } from '../../util/printable.js';
import { displayWidth } from '../text-width.js';
import { sizeOf, writeTo, type Output } from './terminal-output.js';

type Write = Output['write'];

/** The longest text whose width is computed at once, because that takes quadratic time. */
const maxPartialLine = 1000;

/**
 * Lines at the bottom of a terminal, redrawn in place. Text that others write to the same streams appears above them:
 * the lines are erased before the write, and drawn again after it. The cursor stays visible below the lines, so that
 * nothing needs to be restored, even if the process is killed.
 */
export class LiveRegion {
  private readonly output: Output;
  private readonly write: (text: string) => void;
  private readonly restores: (() => void)[] = [];
  private readonly onErased: () => void;
  /** The widths of the drawn lines. */
  private lineWidths: readonly number[] = [];
  /** The end of the text of others after their last line break, and the width of its start. */
  private partialLine = '';
  private startWidth = 0;

  /**
   * @param others streams of the same terminal.
   * @param onErased is called when a write of others has erased the lines.
   */
  constructor(output: Output, others: readonly Output[], onErased: () => void) {
    this.output = output;
    const write = output.write.bind(output);
    this.write = (text) => writeTo(output, text, write);
    this.onErased = onErased;
    // Moves to a new line only if the cursor's line has text.
    if (output.columns) this.write(`${' '.repeat(output.columns)}\r\u001b[J`);
    for (const stream of new Set([output, ...others])) this.restores.push(this.intercept(stream));
  }

  /** Draws the lines. Each must fit the width of the terminal. */
  show(lines: readonly string[]): void {
    // Terminals that support synchronized output draw this at once; others ignore the sequence.
    const text = lines.map((line) => `${line}\n`).join('');
    this.write(`\u001b[?2026h${this.eraseSequence()}${this.lineBreak()}${text}\u001b[?2026l`);
    this.lineWidths = lines.map((line) => displayWidth(stripEscapes(line)));
  }

  /** Writes lines that stay. */
  log(text: string): void {
    const lineBreak = this.lineBreak();
    this.erase();
    this.write(lineBreak + text);
    [this.partialLine, this.startWidth] = ['', 0];
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
    const column = this.partialColumn();
    return column > 0 ? `\u001b[${rows + 1}A\r\u001b[${column}C\u001b[J` : `\u001b[${rows}A\r\u001b[J`;
  }

  /** Returns the text that moves the cursor from the text of others to a line of its own, after `eraseSequence`. */
  private lineBreak(): string {
    // When the text fills its last line, the cursor has been on the next one since the lines were drawn.
    const isOnNextLine = this.partialColumn() === 0 && this.lineWidths.length > 0;
    return this.partialLine === '' || isOnNextLine ? '' : '\n';
  }

  /** Returns the column in which the text of others continues. */
  private partialColumn(): number {
    return (this.startWidth + displayWidth(stripEscapes(this.partialLine))) % sizeOf(this.output).columns;
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
      // Other code has replaced `write` since.
      if (stream.write !== intercepted) return;
      if (descriptor) Object.defineProperty(stream, 'write', descriptor);
      else delete (stream as Partial<Output>).write;
    };
  }

  private trackPartialLine(written: unknown): void {
    const text = typeof written === 'string' ? written : Buffer.from(written as Uint8Array).toString();
    const start = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1;
    if (start > 0) this.startWidth = 0;
    let line = start > 0 ? text.slice(start) : this.partialLine + text;
    for (; line.length > maxPartialLine; line = line.slice(maxPartialLine))
      this.startWidth += displayWidth(stripEscapes(line.slice(0, maxPartialLine)));
    this.partialLine = line;
  }
}
