import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A proxy to a local port. */
export interface Proxy {
  readonly port: number;
  /** The number of connections so far. */
  readonly accepted: number;
  pause(): void;
  resume(): void;
  close(): Promise<unknown>;
}

/** Starts a proxy to a local port that can stop to transmit data without closing its connections. */
export async function startProxy(target: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let paused = false;
  let accepted = 0;
  const update = (socket: Socket) => (paused ? socket.pause() : socket.resume());
  const setPaused = (value: boolean) => {
    paused = value;
    sockets.forEach(update);
  };
  const server = createServer((client) => {
    accepted++;
    const upstream = connect(target, 'localhost');
    for (const [source, destination] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(source);
      source.on('data', (data) => void destination.write(data));
      source.on('error', () => undefined);
      source.on('close', () => (sockets.delete(source), destination.destroy()));
      update(source);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    pause: () => setPaused(true),
    resume: () => setPaused(false),
    close: () => new Promise<unknown>((resolve) => server.close(resolve)),
  };
}
