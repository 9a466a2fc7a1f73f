import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { errorAnswer, FrontendParser, type Request } from './frontend-parser.js';

/**
 * A fault of the network.
 *
 * - `none`: there is no fault.
 * - `hole`: nothing passes in either direction, and no connection ends.
 * - `half-open`: the statements of a client arrive, but the answers do not.
 * - `slow`: each piece of data arrives later.
 * - `refuse`: current and new connections are reset.
 * - `tear`: each answer is cut off in its middle, by a reset.
 */
export type NetworkFault = 'none' | 'hole' | 'half-open' | 'slow' | 'refuse' | 'tear';

/** A refusal that the proxy answers in place of the server. */
export interface Refusal {
  /** The statements that are refused. */
  readonly pattern: RegExp;
  /** The SQLSTATE. */
  readonly code: string;
  /** The number of refusals that are still to come. */
  left: number;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly links: readonly Link[];
}

/** One direction of a connection. */
interface Link {
  readonly source: Socket;
  readonly toServer: boolean;
  readonly flush: () => void;
}

/** The delay of a slow network, in ms. */
const slowMs = 300;
/** SQLSTATEs with which a server also ends the connection. */
const fatalStates = /^(08|57P0|28|3D)/;

/** A proxy between processes and a PostgreSQL that causes faults of the network and of the server. */
export class FaultProxy {
  readonly url: string;
  /** Called with each statement, before it is passed on. */
  onStatement: (sql: string) => void = () => undefined;
  private fault: NetworkFault = 'none';
  private readonly refusals: Refusal[] = [];
  private readonly pairs = new Set<Pair>();
  private readonly stranded = new Set<Socket>();
  private readonly server: Server;
  private readonly target: number;

  private constructor(server: Server, url: URL) {
    this.server = server;
    this.target = Number(url.port);
    const proxied = new URL(url.href);
    proxied.port = String((server.address() as AddressInfo).port);
    this.url = proxied.href;
    server.on('connection', (client) => this.onConnection(client));
  }

  /** Starts a proxy to the server at a URL. */
  static async start(url: string): Promise<FaultProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, resolve));
    return new FaultProxy(server, new URL(url));
  }

  /** The number of open connections. */
  get connections(): number {
    return this.pairs.size;
  }

  /** Begins a fault, which also concerns the current connections, and ends the one before. */
  begin(fault: NetworkFault): void {
    this.fault = fault;
    if (fault === 'refuse') this.cut();
    for (const { links } of this.pairs) for (const link of links) this.update(link);
  }

  /** Resets all connections. */
  cut(): void {
    for (const pair of this.pairs) reset(pair);
  }

  /** Lets the server of all connections vanish: nothing passes on them any more, and none ends. New ones work. */
  strand(): void {
    for (const { client, server } of this.pairs) {
      this.stranded.add(client);
      client.removeAllListeners('close').pause();
      server.removeAllListeners('close').destroy();
    }
    this.pairs.clear();
  }

  /** Refuses the next statements that match a pattern. Returns what is left of the refusal. */
  refuse(pattern: RegExp, code: string, count: number): Refusal {
    const refusal = { pattern, code, left: count };
    this.refusals.push(refusal);
    return refusal;
  }

  async close(): Promise<void> {
    this.cut();
    for (const client of this.stranded) client.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private onConnection(client: Socket): void {
    if (this.fault === 'refuse') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.target, 'localhost');
    const parser = new FrontendParser();
    const pair: Pair = {
      client,
      server,
      links: [
        this.link(client, true, (bytes) => {
          for (const request of parser.push(bytes)) this.onRequest(request, pair);
        }),
        this.link(server, false, (bytes) => this.onAnswer(bytes, pair)),
      ],
    };
    this.pairs.add(pair);
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.pairs.delete(pair);
        client.destroy();
        server.destroy();
      });
    }
  }

  /** Passes on what a socket receives, in its order. */
  private link(source: Socket, toServer: boolean, pass: (bytes: Buffer) => void): Link {
    const waiting: Buffer[] = [];
    let timer: NodeJS.Timeout | undefined;
    const flush = () => {
      clearTimeout(timer);
      timer = undefined;
      if (waiting.length > 0) pass(Buffer.concat(waiting.splice(0)));
    };
    source.on('data', (bytes: Buffer) => {
      waiting.push(bytes);
      if (this.fault === 'slow') timer ??= setTimeout(flush, slowMs);
      else flush();
    });
    source.on('close', () => clearTimeout(timer));
    const link = { source, toServer, flush };
    this.update(link);
    return link;
  }

  private update({ source, toServer, flush }: Link): void {
    const { fault } = this;
    if (fault !== 'slow') flush();
    if (fault === 'hole' || (fault === 'half-open' && !toServer)) source.pause();
    else source.resume();
  }

  private onRequest({ bytes, sql }: Request, { client, server }: Pair): void {
    const refusal =
      sql === undefined ? undefined : this.refusals.find(({ left, pattern }) => left > 0 && pattern.test(sql));
    if (!refusal) {
      if (sql !== undefined) this.onStatement(sql);
      server.write(bytes);
      return;
    }
    refusal.left--;
    const isFatal = fatalStates.test(refusal.code);
    const answer = errorAnswer(refusal.code, `refused with ${refusal.code} by the proxy`, isFatal);
    if (isFatal) client.end(answer);
    else client.write(answer);
  }

  private onAnswer(bytes: Buffer, pair: Pair): void {
    if (this.fault !== 'tear' || bytes.length < 2) {
      pair.client.write(bytes);
      return;
    }
    pair.client.write(bytes.subarray(0, bytes.length >> 1), () => reset(pair));
  }
}

function reset({ client, server }: Pair): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}
