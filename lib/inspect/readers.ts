import type { ServerResponse } from 'node:http';
import type { Journal } from './journal.js';
import { Reader } from './reader.js';

/** For how long, in ms, events are gathered before they are written: many that come together cost as much as one. */
const gathering = 50;
/** How often, in ms, there is a sign of life. */
const beat = 15_000;
/** How many may read at once: each costs memory. */
const mostReaders = 64;

/** All who read the journal now. While there is nobody, nothing is done. */
export class Readers {
  private readonly journal: Journal;
  private readonly boot: string;
  private readonly present = new Set<Reader>();
  private waking: NodeJS.Timeout | undefined = undefined;
  private beating: NodeJS.Timeout | undefined = undefined;

  constructor(journal: Journal, boot: string) {
    this.journal = journal;
    this.boot = boot;
  }

  get full(): boolean {
    return this.present.size >= mostReaders;
  }

  add(response: ServerResponse, lastId: string | undefined): void {
    const reader = new Reader(this.journal, response, this.boot, lastId);
    this.present.add(reader);
    response.on('close', () => {
      this.present.delete(reader);
      if (this.present.size === 0) this.rest();
    });
    this.beating ??= setInterval(() => {
      for (const one of this.present) one.beat(performance.now());
    }, beat).unref();
    reader.goOn();
  }

  /** There is something new. */
  wake(): void {
    if (this.present.size === 0) return;
    this.waking ??= setTimeout(() => {
      this.waking = undefined;
      for (const reader of this.present) reader.goOn();
    }, gathering).unref();
  }

  end(): void {
    for (const reader of this.present) reader.end();
    this.rest();
  }

  private rest(): void {
    clearTimeout(this.waking);
    clearInterval(this.beating);
    this.waking = this.beating = undefined;
  }
}
