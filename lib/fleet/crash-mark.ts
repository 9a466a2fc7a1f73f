import { insertMark } from './crash-mark-table.js';
import type { FleetDatabase } from './fleet-database.js';
import type { StatusPoller } from './status-poller.js';

/** The mark that this process has read last, if any. */
export interface CurrentMark {
  readonly current?: string | undefined;
}

/**
 * The mark of the time since the last crash of the server. It is in an unlogged table, which a crash empties, as does
 * the promotion of a standby: until the mark is another one, no commit was undone.
 */
export class CrashMark implements CurrentMark {
  private mark: string | undefined = undefined;

  constructor(database: FleetDatabase, poller: StatusPoller) {
    poller.status$.subscribe(({ mark }) => {
      this.mark = mark ?? undefined;
      if (mark === null) database.runInBackground(database.query(insertMark(database.schema)));
    });
  }

  get current(): string | undefined {
    return this.mark;
  }
}
