import { expect } from 'chai';
import { filter, firstValueFrom } from 'rxjs';
import { launch, taskRunner, type Application } from 'rxjs-tasks';
import { kafkaConsumer, type ConsumerLike, type Crash } from '../../examples/recipes/kafka.js';
import { deferred, settled } from '../helpers/tasks.js';

/** As KafkaJS documents its consumer: one message at a time, committed after it, and `disconnect` waits for the one under way. */
class FakeConsumer implements ConsumerLike<string> {
  readonly did: string[] = [];
  refusesToRun = false;
  private eachMessage: (message: string) => Promise<void> = () => expect.fail('It does not run');
  private underWay: Promise<void> = Promise.resolve();
  private readonly listeners = new Set<(crash: Crash) => void>();

  async connect() {
    this.did.push('connect');
  }

  async subscribe({ topics }: { topics: string[] }) {
    this.did.push(`subscribe to ${topics.join(', ')}`);
  }

  async run({ eachMessage }: { eachMessage: (message: string) => Promise<void> }) {
    if (this.refusesToRun) throw new Error('The group has no coordinator');
    this.eachMessage = eachMessage;
  }

  async disconnect() {
    await this.underWay;
    this.did.push('disconnect');
  }

  on(_: 'consumer.crash', listener: (crash: Crash) => void) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get listening() {
    return this.listeners.size;
  }

  deliver(message: string): Promise<void> {
    return (this.underWay = this.eachMessage(message).then(
      () => void this.did.push(`commit ${message}`),
      (error: unknown) => this.crash(error as Error, false),
    ));
  }

  crash(error: Error, restart: boolean): void {
    for (const listener of this.listeners) listener({ payload: { error, restart } });
  }
}

describe('A consumer like those of KafkaJS as a task', () => {
  let fake: FakeConsumer;
  let app: Application;
  let results: string[];

  beforeEach(() => {
    fake = new FakeConsumer();
    results = [];
  });

  async function start(work: (message: string) => Promise<string>): Promise<void> {
    const runner = taskRunner(kafkaConsumer('orders', () => fake, ['placed', 'paid'], work));
    runner.results$.subscribe((result) => results.push(result));
    app = launch([runner], { observer: {} });
    await firstValueFrom(app.ready$.pipe(filter(Boolean)));
  }

  it('connects, yields what comes of each message before it is committed, and disconnects', async () => {
    await start(async (message) => `${message} shipped`);
    await fake.deliver('tea');
    await fake.deliver('milk');
    expect((await app.stop()).clean).to.equal(true);
    expect(results).to.deep.equal(['tea shipped', 'milk shipped']);
    expect(fake.did).to.deep.equal(['connect', 'subscribe to placed, paid', 'commit tea', 'commit milk', 'disconnect']);
    expect(fake.listening).to.equal(0);
  });

  it('ends after the message that is under way', async () => {
    const work = deferred<string>();
    await start(() => work.promise);
    void fake.deliver('tea');
    const stopped = app.stop();
    await settled();
    expect(fake.did).not.to.include('disconnect');
    work.resolve('shipped');
    expect((await stopped).outcomes.map(({ status }) => status)).to.deep.equal(['cancelled']);
    expect(fake.did.slice(-2)).to.deep.equal(['commit tea', 'disconnect']);
  });

  it('fails when the consumer gives up, commits nothing of it, and disconnects', async () => {
    await start(() => Promise.reject(new Error('no such item')));
    await fake.deliver('poison');
    expect((await app).outcomes[0]?.error?.message).to.equal('orders failed in execute: no such item');
    expect(fake.did).to.deep.equal(['connect', 'subscribe to placed, paid', 'disconnect']);
    expect(fake.listening).to.equal(0);
  });

  it('goes on when the consumer starts again by itself', async () => {
    await start(async (message) => message);
    fake.crash(new Error('the broker has gone'), true);
    await fake.deliver('tea');
    expect((await app.stop()).clean).to.equal(true);
    expect(results).to.deep.equal(['tea']);
  });

  it('fails when the consumer does not run', async () => {
    fake.refusesToRun = true;
    await start(async (message) => message);
    expect((await app).outcomes[0]?.error?.message).to.equal('orders failed in execute: The group has no coordinator');
  });
});
