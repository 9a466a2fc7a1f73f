import { Agent, request } from 'node:http';

/** A client behind a load balancer: it sends at a constant rate, to whichever instance is ready. */
export class Load {
  sent = 0;
  /** What was not answered as it should. */
  readonly lost: string[] = [];
  readonly answered: Map<string, number> = new Map<string, number>();
  private readonly agents = new Map<string, Agent>();
  private readonly ready = new Set<string>();
  private readonly probed = new Map<string, NodeJS.Timeout>();
  private readonly underWay = new Set<Promise<unknown>>();
  private readonly clock: NodeJS.Timeout;
  private turn = 0;

  constructor(perSecond: number, path: string, body: string, expected: number) {
    const start = performance.now();
    this.clock = setInterval(() => {
      // What a late timer has missed is made up for.
      const due = Math.floor(((performance.now() - start) * perSecond) / 1000);
      while (this.ready.size > 0 && this.sent < due) this.send(path, body, expected);
    }, 2);
  }

  /** Asks an instance every 20 ms whether it is ready, as long as it is there. */
  add(url: string): void {
    this.agents.set(url, new Agent({ keepAlive: true }));
    const probe = setInterval(() => {
      fetch(`${url}/readyz`).then(
        ({ status }) => (status === 200 ? this.ready.add(url) : this.ready.delete(url)),
        () => this.ready.delete(url),
      );
    }, 20);
    this.probed.set(url, probe);
  }

  remove(url: string): void {
    clearInterval(this.probed.get(url));
    this.ready.delete(url);
    this.agents.get(url)?.destroy();
  }

  isReady(url: string): boolean {
    return this.ready.has(url);
  }

  async stop(): Promise<void> {
    clearInterval(this.clock);
    await Promise.all(this.underWay);
    for (const url of this.agents.keys()) this.remove(url);
  }

  private send(path: string, body: string, expected: number): void {
    const urls = [...this.ready];
    const url = urls[this.turn++ % urls.length] ?? '';
    this.sent++;
    const agent = this.agents.get(url);
    const answer = new Promise<void>((resolve) => {
      const lose = (why: unknown) => {
        this.lost.push(`${url}: ${String(why)}`);
        resolve();
      };
      request(`${url}${path}`, { method: 'POST', ...(agent && { agent }) }, (response) => {
        response.on('error', lose).on('end', () => {
          if (response.statusCode !== expected) lose(response.statusCode);
          this.answered.set(url, (this.answered.get(url) ?? 0) + 1);
          resolve();
        });
        response.resume();
      })
        .on('error', lose)
        .end(body);
    });
    this.underWay.add(answer);
    void answer.then(() => this.underWay.delete(answer));
  }
}
