/** What is told, by streams, as lines that say when; a model and what it is the model of each write one. */
export class Log {
  private readonly now: () => number;
  private lines: Record<string, string[]> = {};
  private readonly reactions: { readonly to: string; readonly react: () => void }[] = [];

  constructor(now: () => number) {
    this.now = now;
  }

  tell(stream: string, what: string): void {
    (this.lines[stream] ??= []).push(`${this.now()}: ${what}`);
    const place = this.reactions.findIndex(({ to }) => `${stream} ${what}`.includes(to));
    if (place !== -1) this.reactions.splice(place, 1)[0]?.react();
  }

  /** Does something, once, as soon as something is told: in the midst of whatever goes on. */
  when(to: string, react: () => void): void {
    this.reactions.push({ to, react });
  }

  /** What has been told since the last look. */
  take(): Record<string, string[]> {
    const { lines } = this;
    this.lines = {};
    return lines;
  }
}

/** A failure, whoever has made it: the library its TaskErrors, a model its own. */
export interface Failing {
  readonly name: string;
  readonly task: string;
  readonly phase: string;
  readonly cause?: unknown;
  readonly suppressed: Failing[];
}

function isFailing(x: unknown): x is Failing {
  return typeof x === 'object' && x !== null && 'suppressed' in x;
}

/** An error as one word or a few: in a model it is such words from the start. */
export function shown(error: unknown): string {
  if (isFailing(error)) {
    const { name, task, phase, cause, suppressed } = error;
    const later = suppressed.length > 0 ? ` and then ${suppressed.map(shown).join(', ')}` : '';
    return `${name}(${task} ${phase}: ${shown(cause)}${later})`;
  }
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'Error' || error.message.endsWith(' has ended')) return error.message;
  return error.name;
}
