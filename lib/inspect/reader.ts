import type { ServerResponse } from 'node:http';
import type { Journal } from './journal.js';

/** For how long, in ms, a reader may take nothing of what it was sent. */
const patience = 30_000;

/**
 * Whoever reads the journal as server-sent events. It is a place in the journal and no queue: one that is slow, or dead, costs what
 * was written last, and finds a gap when the journal has gone on without it.
 */
export class Reader {
  private readonly journal: Journal;
  private readonly response: ServerResponse;
  /** Tells a number of this journal from one of another's. */
  private readonly boot: string;
  private place: number;
  private blockedSince: number | undefined = undefined;

  /** @param lastId the id that it has read last, of this journal or of another. */
  constructor(journal: Journal, response: ServerResponse, boot: string, lastId: string | undefined) {
    this.journal = journal;
    this.response = response;
    this.boot = boot;
    const [itsBoot, number] = lastId?.split(':') ?? [];
    const next = itsBoot === boot && /^\d+$/.test(number ?? '') ? Number(number) + 1 : undefined;
    const known = next !== undefined && next <= journal.end;
    this.place = known ? next : journal.start;
    response.on('drain', () => {
      this.blockedSince = undefined;
      this.goOn();
    });
    // What it has is of another life: it begins anew.
    this.write(`retry: 1000\n${lastId !== undefined && !known ? message('reset', {}) : '\n'}`);
  }

  /** Writes what is new, as far as it takes it. */
  goOn(): void {
    const { journal, boot } = this;
    while (this.blockedSince === undefined && this.place < journal.end) {
      if (this.place < journal.start) {
        const missed = journal.start - this.place;
        this.place = journal.start;
        this.write(message('gap', { missed }));
        continue;
      }
      const { json, next } = journal.read(this.place);
      this.place = next;
      this.write(`id: ${boot}:${next - 1}\nevent: events\ndata: [${json.toString()}]\n\n`);
    }
  }

  /** Keeps what is between here and there from thinking the connection dead; ends it when it is. */
  beat(now: number): void {
    if (this.blockedSince === undefined) this.write(':\n\n');
    else if (now - this.blockedSince > patience) this.response.destroy();
  }

  end(): void {
    this.goOn();
    this.response.end(message('end', {}));
  }

  private write(text: string): void {
    if (!this.response.write(text)) this.blockedSince ??= performance.now();
  }
}

function message(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
