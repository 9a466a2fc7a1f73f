import { columns } from './columns.js';
import { sizeOf, type Output } from './output.js';
import { visible } from './printable.js';

type Write = Output['write'];

/**
 * Lines that stand below whatever else is written to a terminal, and are drawn anew in place. What others write meanwhile, through
 * the same streams, is let through above them: they are taken away before it, and drawn again after it. The cursor is never hidden
 * and stands below, so that there is nothing to restore, even for a process that is killed.
 */
export class Screen {
  private readonly output: Output;
  private readonly write: Write;
  private readonly restores: (() => void)[] = [];
  private readonly disturbed: () => void;
  /** How wide the lines are that stand there. */
  private shown: readonly number[] = [];
  /** What others have written since their last end of a line. */
  private partial = '';

  /**
   * @param others streams that go to the same terminal.
   * @param disturbed is called when the lines were taken away.
   */
  constructor(output: Output, others: readonly Output[], disturbed: () => void) {
    this.output = output;
    this.write = output.write.bind(output);
    this.disturbed = disturbed;
    // Something may stand on the cursor's line already: then, and only then, this goes on to the next one.
    if (output.columns) this.write(`${' '.repeat(output.columns)}\r\u001b[J`);
    for (const one of new Set([output, ...others])) this.restores.push(this.intercept(one));
  }

  /** Each of them must fit into a line. */
  show(lines: readonly string[]): void {
    const below = this.partial === '' ? '' : '\n';
    // Terminals that know it show all of this at once; the others pass over it.
    this.write(`\u001b[?2026h${this.taken()}${below}${lines.map((line) => `${line}\n`).join('')}\u001b[?2026l`);
    this.shown = lines.map((line) => columns(visible(line)));
  }

  /** Writes lines that stay. */
  log(text: string): void {
    this.hide();
    this.write(this.partial === '' ? text : `\n${text}`);
    this.partial = '';
  }

  /** The streams are as they were. */
  close(): void {
    this.hide();
    for (const restore of this.restores.splice(0)) restore();
  }

  private hide(): void {
    const taken = this.taken();
    if (taken) this.write(taken);
    this.shown = [];
  }

  /** What takes the lines away, and goes back to where others have written last. */
  private taken(): string {
    if (this.shown.length === 0) return '';
    const { columns: width } = sizeOf(this.output);
    // A terminal that has become narrower has broken the lines.
    const rows = this.shown.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / width)), 0);
    if (this.partial === '') return `\u001b[${rows}A\r\u001b[J`;
    const column = columns(visible(this.partial)) % width;
    return `\u001b[${rows + 1}A\r${column > 0 ? `\u001b[${column}C` : ''}\u001b[J`;
  }

  private intercept(stream: Output): () => void {
    const own = Object.getOwnPropertyDescriptor(stream, 'write');
    const write = stream.write.bind(stream);
    const intercepted = (...args: Parameters<Write>) => {
      const isShown = this.shown.length > 0;
      this.hide();
      this.note(args[0]);
      const written = write(...args);
      if (isShown) this.disturbed();
      return written;
    };
    stream.write = intercepted;
    return () => {
      // Someone else may have put theirs around it.
      if (stream.write !== intercepted) return;
      if (own) Object.defineProperty(stream, 'write', own);
      else delete (stream as Partial<Output>).write;
    };
  }

  private note(written: unknown): void {
    const text = typeof written === 'string' ? written : Buffer.from(written as Uint8Array).toString();
    const end = text.lastIndexOf('\n');
    const rest = end === -1 ? this.partial + text : text.slice(end + 1);
    this.partial = rest.slice(rest.lastIndexOf('\r') + 1).slice(-1000);
  }
}
