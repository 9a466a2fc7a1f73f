import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';

// Not those of `@types/pg`, which an application that does not use node-postgres itself does not have.

/** The part of a `pg.Pool` that a fleet uses. */
export interface PgPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  /** Takes a connection out of the pool. */
  connect(): Promise<unknown>;
  /** Executes a statement on any connection. */
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
  /** Adds a listener. */
  on(event: 'error', listener: (error: Error) => void): unknown;
  /** Removes a listener. */
  off(event: 'error', listener: (error: Error) => void): unknown;
}

/** Options of node-postgres for a connection. */
export interface PgConnectionOptions {
  connectionString?: string | undefined;
  host?: string | undefined;
  port?: number | undefined;
  user?: string | undefined;
  /** A function is called for each connection, for example for a token that expires. */
  password?: string | (() => string | Promise<string>) | undefined;
  database?: string | undefined;
  ssl?: boolean | ConnectionOptions | undefined;
  sslnegotiation?: 'postgres' | 'direct' | undefined;
  enableChannelBinding?: boolean | undefined;
  /** Settings of the session, such as `-c search_path=…`. */
  options?: string | undefined;
  client_encoding?: string | undefined;
  application_name?: string | undefined;
  fallback_application_name?: string | undefined;
  /** Creates the socket, for example of a tunnel. */
  stream?: (() => Duplex | undefined) | undefined;
  keepAlive?: boolean | undefined;
  keepAliveInitialDelayMillis?: number | undefined;
  connectionTimeoutMillis?: number | undefined;
  statement_timeout?: number | false | undefined;
  lock_timeout?: number | undefined;
  query_timeout?: number | undefined;
  idle_in_transaction_session_timeout?: number | undefined;
  idleTimeoutMillis?: number | null | undefined;
  maxUses?: number | undefined;
  maxLifetimeSeconds?: number | undefined;
}
