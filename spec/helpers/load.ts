import { Agent, request } from 'node:http';
import { pause } from './wait.js';

/** On a busy machine answers come late, and more requests would only queue. */
const maxPending = 100;

/**
 * A load balancer with clients that send requests at a constant rate, in turn to each instance that is ready. A slow
 * machine lowers the rate.
 */
export class LoadGenerator {
  sent = 0;
  /** The requests that failed or had another status than expected. */
  readonly failures: string[] = [];
  /** The number of answers by the URL of the instance. */
  readonly answered: Map<string, number> = new Map<string, number>();
  private readonly agents = new Map<string, Agent>();
  private readonly ready = new Set<string>();
  private readonly pending = new Set<Promise<unknown>>();
  private readonly timer: NodeJS.Timeout;
  private start: number | undefined = undefined;
  private readonly perSecond: number;
  private nextIndex = 0;

  constructor(perSecond: number, path: string, body: string, expected: number) {
    this.perSecond = perSecond;
    // A late timer sends all requests that are due.
    this.timer = setInterval(() => {
      if (this.ready.size === 0) return;
      this.start ??= performance.now();
      while (this.sent < this.dueCount && this.pending.size < maxPending) this.send(path, body, expected);
    }, 2);
  }

  /** Adds an instance, and probes until its removal whether it is ready, 20 ms after each answer. */
  add(url: string): void {
    this.agents.set(url, new Agent({ keepAlive: true }));
    void this.probe(url);
  }

  remove(url: string): void {
    this.ready.delete(url);
    this.agents.get(url)?.destroy();
    this.agents.delete(url);
  }

  isReady(url: string): boolean {
    return this.ready.has(url);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.pending);
    for (const url of [...this.agents.keys()]) this.remove(url);
  }

  private async probe(url: string): Promise<void> {
    while (this.agents.has(url)) {
      const isReady = await fetch(`${url}/readyz`).then(
        ({ status }) => status === 200,
        () => false,
      );
      if (isReady && this.agents.has(url)) this.ready.add(url);
      else this.ready.delete(url);
      await pause(20);
    }
  }

  private get dueCount(): number {
    return this.start === undefined ? 0 : Math.floor(((performance.now() - this.start) * this.perSecond) / 1000);
  }

  private send(path: string, body: string, expected: number): void {
    this.sent++;
    const answer = this.forward(path, body, expected);
    this.pending.add(answer);
    void answer.then(() => this.pending.delete(answer));
  }

  /** Forwards a request to a ready instance. A refused connection was never accepted, so another instance gets it. */
  private async forward(path: string, body: string, expected: number): Promise<void> {
    while (this.ready.size === 0) await pause(10);
    const urls = [...this.ready];
    const url = urls[this.nextIndex++ % urls.length] ?? '';
    const refused = await this.request(url, path, body, expected);
    if (!refused) return;
    this.ready.delete(url);
    return this.forward(path, body, expected);
  }

  /** Sends a request to an instance. Resolves with whether the instance refused the connection. */
  private request(url: string, path: string, body: string, expected: number): Promise<boolean> {
    const agent = this.agents.get(url);
    return new Promise((resolve) => {
      const fail = (reason: unknown) => {
        const refused = (reason as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';
        if (!refused) this.failures.push(`${url}: ${String(reason)}`);
        resolve(refused);
      };
      request(`${url}${path}`, { method: 'POST', ...(agent && { agent }) }, (response) => {
        response.on('error', fail).on('end', () => {
          if (response.statusCode !== expected) fail(response.statusCode);
          this.answered.set(url, (this.answered.get(url) ?? 0) + 1);
          resolve(false);
        });
        response.resume();
      })
        .on('error', fail)
        .end(body);
    });
  }
}
