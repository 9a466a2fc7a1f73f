import { openSync, writeSync } from 'node:fs';
import type { HistoryEntry } from './entries.js';

/** The entries of one process in the history, in a file that outlives it. */
export class Journal {
  private readonly file: number;
  private readonly by: string;

  constructor(file: string, by: string) {
    this.file = openSync(file, 'a');
    this.by = by;
  }

  write(entry: HistoryEntry): void {
    writeSync(this.file, `${JSON.stringify({ at: Date.now(), by: this.by, ...entry })}\n`);
  }
}

export function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
