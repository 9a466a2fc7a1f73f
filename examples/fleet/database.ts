import { NEVER } from 'rxjs';
import { task, type Task } from 'rxjs-tasks';
import { connectFleet, type Fleet } from 'rxjs-tasks/fleet';
import { startPostgres, type Postgres } from '../shared/postgres.js';
import { say } from './say.js';

/** Where all processes meet: a PostgreSQL that is there already, or one for as long as this takes; and the shop's connection. */
export class Database {
  readonly task: Task<never>;
  private readonly given: string | undefined;
  private readonly schema: string;
  private postgres: Postgres | undefined = undefined;
  private connected: Fleet | undefined = undefined;

  constructor(given: string | undefined, schema: string) {
    this.given = given;
    this.schema = schema;
    this.task = task('database', {
      initialize: async () => {
        if (given === undefined) {
          say('shop', 'A PostgreSQL starts in a temporary directory…');
          this.postgres = await startPostgres();
        }
        this.connected = await connectFleet({ url: this.url, schema, name: 'shop' });
        // The show before has cancelled it.
        await this.fleet.resume();
      },
      execute: () => NEVER,
      finalize: async () => {
        await this.connected?.close();
        await this.postgres?.remove();
      },
    });
  }

  /** What tells another process where it is. */
  get env(): NodeJS.ProcessEnv {
    return { FLEET_URL: this.url, FLEET_SCHEMA: this.schema };
  }

  get fleet(): Fleet {
    if (!this.connected) throw new Error('The database is not connected');
    return this.connected;
  }

  private get url(): string {
    const url = this.given ?? this.postgres?.url;
    if (url === undefined) throw new Error('The database has not been started');
    return url;
  }
}
