import { expect } from 'chai';
import { launch, taskRunner, type Application } from 'rxjs-tasks';
import { kafkaConsumer, type ConsumerLike, type Crash } from '../../examples/recipes/kafka.js';
import { deferred, settled, whenReady } from '../helpers/tasks.js';

/**
 * Behaves as KafkaJS documents its consumer: one message at a time, then its commit; `disconnect` waits for the current
 * one.
 */
class FakeConsumer implements ConsumerLike<string> {
  readonly calls: string[] = [];
  refusesToRun = false;
  private eachMessage: (message: string) => Promise<void> = () => expect.fail('It does not run');
  private current: Promise<void> = Promise.resolve();
  private readonly listeners = new Set<(crash: Crash) => void>();

  async connect() {
    this.calls.push('connect');
  }

  async subscribe({ topics }: { topics: string[] }) {
    this.calls.push(`subscribe to ${topics.join(', ')}`);
  }

  async run({ eachMessage }: { eachMessage: (message: string) => Promise<void> }) {
    if (this.refusesToRun) throw new Error('The group has no coordinator');
    this.eachMessage = eachMessage;
  }

  async disconnect() {
    await this.current;
    this.calls.push('disconnect');
  }

  on(_: 'consumer.crash', listener: (crash: Crash) => void) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get listenerCount() {
    return this.listeners.size;
  }

  deliver(message: string): Promise<void> {
    return (this.current = this.eachMessage(message).then(
      () => void this.calls.push(`commit ${message}`),
      (error: unknown) => this.crash(error as Error, false),
    ));
  }

  crash(error: Error, restart: boolean): void {
    for (const listener of this.listeners) listener({ payload: { error, restart } });
  }
}

describe('A KafkaJS consumer as a task', () => {
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
    await whenReady(app);
  }

  it('connects, yields each result before its message is committed, and disconnects', async () => {
    await start(async (message) => `${message} shipped`);
    await fake.deliver('tea');
    await fake.deliver('milk');
    expect((await app.stop()).clean).to.equal(true);
    expect(results).to.deep.equal(['tea shipped', 'milk shipped']);
    expect(fake.calls).to.deep.equal([
      'connect',
      'subscribe to placed, paid',
      'commit tea',
      'commit milk',
      'disconnect',
    ]);
    expect(fake.listenerCount).to.equal(0);
  });

  it('ends after the current message', async () => {
    const work = deferred<string>();
    await start(() => work.promise);
    void fake.deliver('tea');
    const stopped = app.stop();
    await settled();
    expect(fake.calls).not.to.include('disconnect');
    work.resolve('shipped');
    expect((await stopped).outcomes.map(({ status }) => status)).to.deep.equal(['cancelled']);
    expect(fake.calls.slice(-2)).to.deep.equal(['commit tea', 'disconnect']);
  });

  it('fails when the consumer gives up, without a commit, and disconnects', async () => {
    await start(() => Promise.reject(new Error('no such item')));
    await fake.deliver('poison');
    expect((await app).outcomes[0]?.error?.message).to.equal('orders failed in execute: no such item');
    expect(fake.calls).to.deep.equal(['connect', 'subscribe to placed, paid', 'disconnect']);
    expect(fake.listenerCount).to.equal(0);
  });

  it('continues when the consumer restarts by itself', async () => {
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
