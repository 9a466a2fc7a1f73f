import { AssertionError, equal, ok } from 'node:assert';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { timer } from 'rxjs';
import { Database } from '../../examples/service/database.js';
import { worker } from '../../examples/service/worker.js';
import { cron, ordered, parallel, task, type Runnable } from '../../lib/index.js';
import {
  explore,
  memoryCoordinator,
  script,
  type ExploreOptions,
  type ScenarioResult,
  type Scenario,
  ScenarioError,
} from '../../lib/testing/index.js';

/** Why an exploration is rejected. */
async function rejection(scene: unknown, options?: ExploreOptions): Promise<Error> {
  try {
    await explore(scene as Scenario, options);
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('It is not rejected');
}

/** How to try an order again, as a failure names it. */
function orderIn({ message }: Error): number[] {
  const [, order] = /order: \[([\d, ]+)\]/.exec(message) ?? expect.fail(`It names no order:\n${message}`);
  return (order ?? '').split(',').map(Number);
}

/** Tasks that each do something at a time, and the orders in which they did. */
function doing(...times: readonly number[]): { run: () => Runnable[]; orders: string[] } {
  const orders: string[] = [];
  return {
    orders,
    run() {
      const place = orders.push('') - 1;
      return times.map((ms, index) =>
        task(`t${index}`, () => {
          timer(ms).subscribe(() => (orders[place] = `${orders[place]}${'abcdef'.charAt(index)}`));
          return timer(ms + 50);
        }),
      );
    },
  };
}

/** Tasks by name that are done at one instant, and fail when one comes before another. */
const racing = (names: string, wrong: RegExp): Scenario => {
  let told = '';
  return {
    run: () => {
      told = '';
      return Array.from(names, (name) => task(name, async () => (await delay(5), (told += name))));
    },
    check: () => ok(!wrong.test(told), `it was ${told}`),
  };
};

describe('explore', () => {
  it('tries the orders in which promises settle that hooks have given back, and values of iterables come', async () => {
    const orders = new Set<string>();
    const run = () => [task('a', () => Promise.resolve()), task('b', () => Promise.resolve())];
    const check = ({ events }: ScenarioResult) =>
      orders.add(events.flatMap((event) => (event.type === 'done' ? event.task : [])).join(''));
    expect(await explore({ run, check })).to.deep.equal({ orders: 2, all: true });
    expect([...orders]).to.deep.equal(['ab', 'ba']);
    async function* one() {
      yield 1;
    }
    expect(await explore({ run: () => [task('a', one), task('b', one)] }))
      .to.include({ all: true })
      .and.have.property('orders')
      .that.is.above(2);
  });

  it('takes an iterator that gives no promises', async () => {
    const run = () => {
      let left = 2;
      const values = { [Symbol.asyncIterator]: () => ({ next: () => ({ done: left-- === 0, value: left }) }) };
      return [task('x', () => values as unknown as AsyncIterable<number>)];
    };
    const check = ({ report }: ScenarioResult) => expect(report?.clean).to.equal(true);
    expect((await explore({ run, check })).all).to.equal(true);
  });

  it('tries all orders of what is due at one instant, each once, first as a scenario does', async () => {
    for (const [times, count] of [
      [[1], 1],
      [[1, 2, 3], 1],
      [[1, 1], 2],
      [[1, 1, 1], 6],
      [[1, 1, 2, 2], 4],
    ] as const) {
      const { run, orders } = doing(...times);
      const scene = { run, for: 40 };
      const { all } = await explore(scene, { runs: 1000 });
      expect(all).to.equal(true);
      expect(new Set(orders).size, String(times)).to.equal(count);
      expect(orders[0]).to.equal('abcdef'.slice(0, times.length));
    }
  });

  it('tells how many it has tried, and that those were all', async () => {
    expect(await explore({ run: () => [] })).to.deep.equal({ orders: 1, all: true });
    expect(await explore({ run: () => [script('x', '-|')] })).to.deep.equal({ orders: 1, all: true });
    expect(await explore({ run: () => [script('x', '-|'), script('y', '-|')] })).to.deep.equal({
      orders: 2,
      all: true,
    });
  });

  it('tries the orders that depart least from the usual first', async () => {
    const { run, orders } = doing(1, 1, 1);
    await explore({ run, duration: 40 }, { runs: 100 });
    expect(orders.slice(0, 4)).to.deep.equal(['abc', 'bac', 'cab', 'acb']);
  });

  it('says that there were more than it may try', async () => {
    const run = () => Array.from('abcdef', (name) => script(name, '-|'));
    for (const runs of [1, 2, 3, 10])
      expect(await explore({ run }, { runs })).to.deep.equal({ orders: runs, all: false });
    // Just enough for all.
    const few = () => Array.from('abc', (name) => script(name, '-|'));
    const { orders } = await explore({ run: few }, { runs: 1000 });
    expect(await explore({ run: few }, { runs: 2 * orders })).to.deep.equal({ orders, all: true });
  });

  it('tries signals and promises of hooks among them', async () => {
    const ready = (played: ScenarioResult) => ok(played.marbles.includes('[-->'), 'it was cut before it was ready');
    const signalled = await rejection({ run: () => [script('x', '[-->')], signals: '---T', check: ready });
    expect(signalled.message).to.include('it was cut before it was ready');
    const first = await explore({ run: () => [script('x', '[-->')], signals: '---T' });
    expect(first).to.deep.equal({ orders: 2, all: true });
    const promises = await rejection(racing('ab', /ba/));
    expect(promises.message).to.include('it was ba');
  });

  it('names the order that fails, shows it, and tries it alone again', async () => {
    const scene = racing('abc', /ca/);
    const error = await rejection(scene);
    expect(error).to.be.instanceOf(ScenarioError);
    expect(error.message.split('\n')[0]).to.match(/^In an order that departs from the usual once: it was /);
    expect(error.message)
      .to.match(/^a +>/m)
      .and.match(/^application +/m);
    expect(error.message).to.match(
      /^At 5 ms: ([abc] value, [abc] done, ){3}application shutdown, application readiness$/m,
    );
    expect(error.cause).to.be.instanceOf(AssertionError).and.have.property('message').that.includes('it was');
    const order = orderIn(error);
    const again = await rejection(scene, { order });
    expect(again.message).to.equal(error.message);
    expect(order.filter((choice) => choice > 0)).to.have.length(1);
  });

  it('tries one order alone, which it does not take for all', async () => {
    const { run, orders } = doing(1, 1, 1);
    expect(await explore({ run, duration: 40 }, { order: [] })).to.deep.equal({ orders: 1, all: false });
    await explore({ run, duration: 40 }, { order: [2, 1] });
    // What is more than there is, is the last.
    await explore({ run, duration: 40 }, { order: [99] });
    expect(orders).to.deep.equal(['abc', 'cba', 'cab']);
  });

  it('says of a failure in the usual order that it is in that', async () => {
    const error = await rejection({ run: () => [script('x', '-|')], expect: 'x  >--|' });
    expect(error.message.split('\n')[0]).to.match(/^In the usual order: Something else has happened/);
    expect(error.message).to.not.include('order: [');
  });

  it('fails with what is thrown in between, whatever it is', async () => {
    const boom = new Error('boom');
    const during = await rejection({ run: () => [], during: () => Promise.reject(boom) });
    expect(during.cause).to.equal(boom);
    const text = await rejection({
      run: () => [],
      check: () => Promise.reject({ code: 7 }),
    });
    expect(text.message).to.include('In the usual order: { code: 7 }');
  });

  it('tries by chance when there are too many, and leaves out the departures that do not matter', async () => {
    // Only when the first comes last, which takes five departures in so many.
    const scene = racing('abcdef', /[^a]{5}a/);
    const error = await rejection(scene, { runs: 400 });
    const order = orderIn(error);
    const departures = order.filter((choice) => choice > 0).length;
    expect(error.message).to.include(departures === 1 ? 'departs from the usual once' : `${departures} times`);
    // Without any of its departures it does not fail.
    for (const [place, choice] of order.entries()) {
      if (choice === 0) continue;
      await explore(scene, { order: order.map((other, index) => (index === place ? 0 : other)) });
    }
    expect((await rejection(scene, { order })).message).to.equal(error.message);
  });

  it('tries the same orders for the same seed, others for another', async () => {
    const tried = async (seed?: number) => {
      const { run, orders } = doing(1, 1, 1, 1, 1, 1);
      await explore({ run, duration: 40 }, { runs: 20, ...(seed !== undefined && { seed }) });
      expect(orders).to.have.length(20);
      return orders.join();
    };
    const [one, other] = [await tried(), await tried(2)];
    expect(await tried()).to.equal(one);
    expect(await tried(1)).to.equal(one);
    expect(await tried(2)).to.equal(other);
    expect(one).to.not.equal(other);
  });

  it('finds out that workers do not wait for their database, and nothing where they do', async function () {
    this.timeout(60_000);
    const service = (group: typeof ordered | typeof parallel): Scenario => ({
      run: () => {
        const database = new Database();
        // It wakes up when the connection is just there, or is not.
        const woken = task('mail', async (ctx) => {
          await delay(20);
          return database.next(ctx.task);
        });
        return [group('shop', database.task, woken)];
      },
      signals: ' 100ms T',
      check: ({ report }) => equal(report?.clean, true, 'it is not clean'),
    });
    const error = await rejection(service(parallel));
    expect(error.message).to.include('it is not clean').and.include('shop/mail');
    expect(error.message.split('\n')[0]).to.match(/departs from the usual once/);
    expect((await rejection(service(parallel), { order: orderIn(error) })).message).to.equal(error.message);
    expect(await explore(service(ordered))).to.have.property('all', true);
  });

  it('finds nothing in the example service', async function () {
    this.timeout(60_000);
    const run = () => {
      const database = new Database();
      return [ordered('shop', database.task, parallel('workers', worker('mail', database), worker('stock', database)))];
    };
    const { orders } = await explore(
      { run, signals: ' 50ms T', check: ({ report }) => equal(report?.clean, true) },
      { runs: 60 },
    );
    expect(orders).to.be.above(1);
  });

  it('has a cron run a slot on one of two servers, in whatever order', async () => {
    const run = () => {
      const servers = memoryCoordinator();
      const coordinator = { lease: (_: string, slot: number) => servers.lease('job', slot) };
      return ['a', 'b'].map((name) => cron(script(name, '|'), 10, { coordinator, maxRuns: 2 }));
    };
    const check = ({ recording }: ScenarioResult) => {
      const slots = recording.events.filter(({ type }) => type === 'slot-started').map(({ slot }) => slot);
      equal(new Set(slots).size, slots.length, 'a slot was run twice');
    };
    await explore({ run, check, duration: 25 }, { runs: 40 });
  });

  it('refuses bad input', async () => {
    const scene = { run: () => [] };
    expect((await rejection(scene, { runs: 0 })).message).to.include('Expected `runs` to be a number from 1 and up');
    expect((await rejection(scene, { runs: NaN })).message).to.include('Expected `runs`');
    expect((await rejection(scene, { seed: 'x' as never })).message).to.include('Expected `seed` to be a number');
    expect((await rejection(scene, { order: 5 as never })).message).to.include('Expected `order` to be an array');
    expect((await rejection(scene, { order: [0, -1] })).message).to.include(
      'Expected `order` to be a number from 0 and up',
    );
    expect((await rejection(scene, { tries: 1 } as never)).message).to.include('got `tries` (unknown)');
    expect((await rejection({ ...scene, wait: 1 })).message).to.include('Expected `scenario` to be made of');
    expect((await rejection(undefined)).message).to.include('Expected `scenario` to be an object');
  });
});
