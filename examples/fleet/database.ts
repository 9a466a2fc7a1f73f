import { NEVER } from 'rxjs';
import { task, type Task } from 'rxjs-tasks';
import { connectFleet, type Fleet } from 'rxjs-tasks/fleet';
import { startPostgres, type Postgres } from '../shared/postgres.js';
import { log } from './log.js';

/** The PostgreSQL that all processes share, given or started for the example, and the shop's connection to it. */
export class Database {
  readonly task: Task<never>;
  private readonly givenUrl: string | undefined;
  private readonly schema: string;
  private postgres: Postgres | undefined = undefined;
  private connected: Fleet | undefined = undefined;

  constructor(givenUrl: string | undefined, schema: string) {
    this.givenUrl = givenUrl;
    this.schema = schema;
    this.task = task('database', {
      initialize: async () => {
        if (givenUrl === undefined) {
          log('shop', 'A PostgreSQL starts in a temporary directory…');
          this.postgres = await startPostgres();
        }
        this.connected = await connectFleet({ url: this.url, schema, name: 'shop' });
        // The previous run of the example has cancelled the fleet.
        await this.fleet.resume();
      },
      execute: () => NEVER,
      finalize: async () => {
        await this.connected?.close();
        await this.postgres?.remove();
      },
    });
  }

  /** The environment variables with which another process connects to the fleet. */
  get env(): NodeJS.ProcessEnv {
    return { FLEET_URL: this.url, FLEET_SCHEMA: this.schema };
  }

  get fleet(): Fleet {
    if (!this.connected) throw new Error('The database is not connected');
    return this.connected;
  }

  private get url(): string {
    const url = this.givenUrl ?? this.postgres?.url;
    if (url === undefined) throw new Error('The database has not been started');
    return url;
  }
}
