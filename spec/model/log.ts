/** Lines with their times, grouped by streams. The model and the library each write one log. */
export class Log {
  private readonly now: () => number;
  private lines: Record<string, string[]> = {};
  private readonly reactions: { readonly text: string; readonly react: () => void }[] = [];

  constructor(now: () => number) {
    this.now = now;
  }

  record(stream: string, text: string): void {
    (this.lines[stream] ??= []).push(`${this.now()}: ${text}`);
    const index = this.reactions.findIndex((reaction) => `${stream} ${text}`.includes(reaction.text));
    if (index !== -1) this.reactions.splice(index, 1)[0]?.react();
  }

  /** Calls a function, once, as soon as a line with this text is recorded: re-entrantly. */
  when(text: string, react: () => void): void {
    this.reactions.push({ text, react });
  }

  /** Returns the lines recorded since the last call. */
  takeLines(): Record<string, string[]> {
    const { lines } = this;
    this.lines = {};
    return lines;
  }
}

/** A failure of a task: a TaskError of the library, or a Failure of the model. */
export interface TaskFailure {
  readonly name: string;
  readonly task: string;
  readonly phase: string;
  readonly cause?: unknown;
  readonly suppressed: TaskFailure[];
}

function isTaskFailure(x: unknown): x is TaskFailure {
  return typeof x === 'object' && x !== null && 'suppressed' in x;
}

/** Returns an error as a few words. The model's errors are words from the start. */
export function formatError(error: unknown): string {
  if (isTaskFailure(error)) {
    const { name, task, phase, cause, suppressed } = error;
    const later = suppressed.length > 0 ? ` and then ${suppressed.map(formatError).join(', ')}` : '';
    return `${name}(${task} ${phase}: ${formatError(cause)}${later})`;
  }
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'Error' || error.message.endsWith(' has ended')) return error.message;
  return error.name;
}
