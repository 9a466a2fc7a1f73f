import type { Client } from 'pg';
import { answerWithin } from './answer-within.js';

/** One connection that listens, from its start to its end. */
export class ListeningConnection {
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<Error>;
  readonly #client: Client;
  readonly #answerMs: number;
  /** The last statement. The driver accepts one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param answerMs the time limit for each statement, in ms. */
  constructor(client: Client, answerMs: number, onMessage: (channel: string, text: string) => void) {
    this.#client = client;
    this.#answerMs = answerMs;
    this.ended = new Promise((resolve) => {
      // Errors may follow the first one, and without a listener they would end the process.
      client.on('error', (error) => resolve(error));
      client.on('end', () => resolve(new Error('Connection terminated')));
    });
    client.on('notification', ({ channel, payload = '' }) => onMessage(channel, payload));
  }

  /** Whether each transaction may get another process of the server, as a connection pooler in between can do. */
  async isIndirect(): Promise<boolean> {
    const [row] = await this.execute<{ pid: number }>('select pg_backend_pid() as pid');
    const { processID } = this.#client as unknown as { processID: number | null };
    return row?.pid !== processID;
  }

  connect(): Promise<void> {
    return this.#client.connect().then(() => undefined);
  }

  async listen(channel: string): Promise<void> {
    await this.execute(`listen "${channel}"`);
  }

  /** Executes a statement after all earlier ones. */
  execute<Row extends object>(sql: string): Promise<readonly Row[]> {
    const answer = this.#last.then(async () => {
      const { rows } = await answerWithin(this.#client.query<Row>(sql), this.#answerMs);
      return rows;
    });
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  end(): Promise<void> {
    return this.#client.end();
  }
}
