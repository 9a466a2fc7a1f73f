import { AssertionError, equal, ok } from 'node:assert';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { catchError, EMPTY, from, mergeMap, timer } from 'rxjs';
import { Database } from '../../examples/service/database.js';
import { worker } from '../../examples/service/worker.js';
import { cron, optional, ordered, parallel, supervise, task, taskRunner, type Runnable } from '../../lib/index.js';
import {
  explore,
  memoryCoordinator,
  script,
  type ExploreOptions,
  type ScenarioResult,
  type Scenario,
  ScenarioError,
} from '../../lib/testing/index.js';
import { rejectionOf } from '../helpers/rejection.js';

/** Returns the error that an exploration is rejected with. */
function rejection(definition: unknown, options?: ExploreOptions): Promise<Error> {
  return rejectionOf(explore(definition as Scenario, options));
}

/** Returns the order that the error of a failed exploration shows. */
function orderIn({ message }: Error): number[] {
  const [, order] = /order: \[([\d, ]+)\]/.exec(message) ?? expect.fail(`It shows no order:\n${message}`);
  return (order ?? '').split(',').map(Number);
}

/** Creates tasks that each append a letter at a time, and collects the orders of the letters. */
function appending(...times: readonly number[]): { run: () => Runnable[]; orders: string[] } {
  const orders: string[] = [];
  return {
    orders,
    run() {
      const run = orders.push('') - 1;
      return times.map((ms, index) =>
        task(`t${index}`, () => {
          timer(ms).subscribe(() => (orders[run] = `${orders[run]}${'abcdef'.charAt(index)}`));
          return timer(ms + 50);
        }),
      );
    },
  };
}

/** Creates tasks that end at one instant, and a check that fails for some orders of their ends. */
const racing = (names: string, wrong: RegExp): Scenario => {
  let order = '';
  return {
    run: () => {
      order = '';
      return Array.from(names, (name) => task(name, async () => (await delay(5), (order += name))));
    },
    check: () => ok(!wrong.test(order), `it was ${order}`),
  };
};

describe('explore', () => {
  it('accepts the runs that a task starts, in every order', async () => {
    const jobs = task('jobs', (ctx) =>
      from(['-#', '-a-|', '-|']).pipe(
        mergeMap((row) =>
          taskRunner(script('job', row))
            .start(ctx)
            .pipe(catchError(() => EMPTY)),
        ),
      ),
    );
    expect(await explore({ run: () => [jobs, script('x', '-|')] })).to.deep.equal({ orders: 24, all: true });
  });

  it('accepts restarts, and a stop before a restart, in every order', async () => {
    const backoff = { initial: 5, jitter: 0 };
    const worker = () => supervise(script('worker', ['-#', '-#', '>(!|)']), { backoff, maxRestarts: 1 });
    for (const signals of ['3ms T', '13ms T', '60ms T'])
      expect(await explore({ run: () => [supervise(worker(), { backoff })], signals })).to.include({ all: true });
  });

  it('accepts a restart and a failed optional task in a group, in every order', async () => {
    const worker = () => supervise(script('worker', ['-#', '>(!|)']), { backoff: { initial: 5, jitter: 0 } });
    const run = () => [ordered('app', worker(), optional(script('smtp', '[-#'))), optional(script('metrics', '-#'))];
    const check = ({ report }: ScenarioResult) => expect(report?.clean).to.equal(true);
    expect((await explore({ run, signals: '20ms T', check })).all).to.equal(true);
  });

  it('tries the orders in which promises of hooks settle and iterables yield', async () => {
    const orders = new Set<string>();
    const run = () => [task('a', () => Promise.resolve()), task('b', () => Promise.resolve())];
    const check = ({ events }: ScenarioResult) =>
      orders.add(events.flatMap((event) => (event.type === 'done' ? event.task : [])).join(''));
    expect(await explore({ run, check })).to.deep.equal({ orders: 2, all: true });
    expect([...orders]).to.deep.equal(['ab', 'ba']);
    async function* single() {
      yield 1;
    }
    expect(await explore({ run: () => [task('a', single), task('b', single)] }))
      .to.include({ all: true })
      .and.have.property('orders')
      .that.is.above(2);
  });

  it('accepts an iterator that returns no promises', async () => {
    const run = () => {
      let remaining = 2;
      const values = {
        [Symbol.asyncIterator]: () => ({ next: () => ({ done: remaining-- === 0, value: remaining }) }),
      };
      return [task('x', () => values as unknown as AsyncIterable<number>)];
    };
    const check = ({ report }: ScenarioResult) => expect(report?.clean).to.equal(true);
    expect((await explore({ run, check })).all).to.equal(true);
  });

  it('tries each order of timers due at one instant once, first the order of a scenario', async () => {
    for (const [times, count] of [
      [[1], 1],
      [[1, 2, 3], 1],
      [[1, 1], 2],
      [[1, 1, 1], 6],
      [[1, 1, 2, 2], 4],
    ] as const) {
      const { run, orders } = appending(...times);
      const { all } = await explore({ run, duration: 40 }, { runs: 1000 });
      expect(all).to.equal(true);
      expect(new Set(orders).size, String(times)).to.equal(count);
      expect(orders[0]).to.equal('abcdef'.slice(0, times.length));
    }
  });

  it('returns the number of orders it has tried, and that there are no others', async () => {
    expect(await explore({ run: () => [] })).to.deep.equal({ orders: 1, all: true });
    expect(await explore({ run: () => [script('x', '-|')] })).to.deep.equal({ orders: 1, all: true });
    expect(await explore({ run: () => [script('x', '-|'), script('y', '-|')] })).to.deep.equal({
      orders: 2,
      all: true,
    });
  });

  it('tries orders with fewer departures from the usual order first', async () => {
    const { run, orders } = appending(1, 1, 1);
    await explore({ run, duration: 40 }, { runs: 100 });
    expect(orders.slice(0, 4)).to.deep.equal(['abc', 'bac', 'cab', 'acb']);
  });

  it('returns that there are more orders than it may try', async () => {
    const run = () => Array.from('abcdef', (name) => script(name, '-|'));
    for (const runs of [1, 2, 3, 10])
      expect(await explore({ run }, { runs })).to.deep.equal({ orders: runs, all: false });
    // This limit suffices for all orders.
    const few = () => Array.from('abc', (name) => script(name, '-|'));
    const { orders } = await explore({ run: few }, { runs: 1000 });
    for (const runs of [Infinity, 2 * orders, orders])
      expect(await explore({ run: few }, { runs })).to.deep.equal({ orders, all: true });
    expect(await explore({ run: few }, { runs: orders - 1 })).to.deep.equal({ orders: orders - 1, all: false });
  });

  it('tries the first half of its orders the same for any number of them, and the others at random', async () => {
    const tried = async (runs: number) => {
      const { run, orders } = appending(1, 1, 1, 1, 1);
      await explore({ run, duration: 40 }, { runs });
      return orders;
    };
    const [few, many] = [await tried(20), await tried(80)];
    expect(few.slice(0, 10)).to.deep.equal(many.slice(0, 10));
    expect(few.slice(10)).to.not.deep.equal(many.slice(10, 20));
    expect(few[10]).to.not.equal(many[10]);
  });

  it('varies the order of signals and promises of hooks', async () => {
    const check = ({ marbles }: ScenarioResult) => ok(marbles.includes('[-->'), 'it was cancelled before it was ready');
    const signalled = await rejection({ run: () => [script('x', '[-->')], signals: '---T', check });
    expect(signalled.message).to.include('it was cancelled before it was ready');
    const first = await explore({ run: () => [script('x', '[-->')], signals: '---T' });
    expect(first).to.deep.equal({ orders: 2, all: true });
    const promises = await rejection(racing('ab', /ba/));
    expect(promises.message).to.include('it was ba');
  });

  it('shows the order that fails, and can repeat it', async () => {
    const definition = racing('abc', /ca/);
    const error = await rejection(definition);
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
    const again = await rejection(definition, { order });
    expect(again.message).to.equal(error.message);
    expect(order.filter((choice) => choice > 0)).to.have.length(1);
    expect(order.at(-1)).to.be.above(0);
  });

  it('tries a single order on request', async () => {
    const { run, orders } = appending(1, 1, 1);
    expect(await explore({ run, duration: 40 }, { order: [] })).to.deep.equal({ orders: 1, all: false });
    await explore({ run, duration: 40 }, { order: [2, 1] });
    // A choice that is too large chooses the last timer.
    await explore({ run, duration: 40 }, { order: [99] });
    expect(orders).to.deep.equal(['abc', 'cba', 'cab']);
  });

  it('reports a failure in the usual order as such', async () => {
    const error = await rejection({ run: () => [script('x', '-|')], expect: 'x  >--|' });
    expect(error.message.split('\n')[0]).to.match(/^In the usual order: The marbles differ/);
    expect(error.message).to.not.include('order: [');
  });

  it('lists the order of the events that happen at one instant after the start, and no single event', async () => {
    const check = () => ok(false, 'no');
    const error = await rejection({ run: () => [script('x', '[--->--|')], at: '2026-11-29T10:00:00Z', check });
    expect(error.message.split('\n')).to.deep.equal([
      'In the usual order: no',
      '',
      'x            [--->--|',
      'readiness    ---->--<',
      'application  -------|',
      '',
      'At 4 ms: x ready, application readiness',
      'At 7 ms: x done, application shutdown, application readiness',
    ]);
  });

  it('shows each error of a task once, and at the end how to repeat the order', async () => {
    const run = () => ['a', 'b'].map((name) => script(name, '--#'));
    const check = ({ recording }: ScenarioResult) =>
      equal(recording.events.find(({ type }) => type === 'failed')?.task, 'a', 'b failed first');
    const error = await rejection({ run, check, onFailure: 'continue' });
    expect(error.message.split('\n')).to.deep.equal([
      'In an order that departs from the usual once: b failed first',
      '',
      'a            >-#',
      'b            >-#',
      'readiness    >-<',
      'application  --#',
      '',
      'b failed in execute: b was to fail in execute',
      'a failed in execute: a was to fail in execute',
      'At 0 ms: a ready, b ready, application readiness',
      'At 2 ms: b failed, application readiness, b done, a failed, a done, application shutdown',
      '',
      '`explore(scenario, { order: [1] })` repeats this order.',
    ]);
  });

  it('shows how to repeat the order at the end of a message that is too long, too', async () => {
    const run = () => Array.from({ length: 500 }, (_, n) => script(`${n} ${'x'.repeat(200)}`, '-|'));
    const error = await rejection({ run, check: () => ok(false, 'no') }, { order: [1] });
    expect(error.message)
      .to.match(/^In an order that departs from the usual once: no\n/)
      .and.match(/ more characters\n\n`explore\(scenario, { order: \[1\] }\)` repeats this order\.$/)
      .and.have.length.below(101_000);
  });

  it('is rejected with any error of `during` or `check` as its cause', async () => {
    const boom = new Error('boom');
    const during = await rejection({ run: () => [], during: () => Promise.reject(boom) });
    expect(during.cause).to.equal(boom);
    const checked = await rejection({
      run: () => [],
      check: () => Promise.reject({ code: 7 }),
    });
    expect(checked.message).to.include('In the usual order: { code: 7 }');
  });

  it('tries random orders when there are too many, and removes the departures that do not matter', async () => {
    // It fails only if the first task ends last, which takes five departures.
    const definition = racing('abcdef', /[^a]{5}a/);
    const error = await rejection(definition, { runs: 400 });
    const order = orderIn(error);
    const departures = order.filter((choice) => choice > 0).length;
    expect(error.message).to.include(departures === 1 ? 'departs from the usual once' : `${departures} times`);
    // Each of its departures is necessary for the failure.
    for (const [departure, choice] of order.entries()) {
      if (choice === 0) continue;
      await explore(definition, { order: order.map((other, index) => (index === departure ? 0 : other)) });
    }
    expect((await rejection(definition, { order })).message).to.equal(error.message);
  });

  it('removes the first departure of a random order, too, if it does not matter', async () => {
    const { run, orders } = appending(1, 1, 1, 1, 2, 2);
    // Only the last choice matters. So few runs vary it at random alone.
    const check = () => ok(!orders.at(-1)?.endsWith('fe'), 'f was before e');
    const error = await rejection({ run, duration: 40, check }, { runs: 10 });
    expect(orders.filter((order) => order.endsWith('fe')).map((order) => order.slice(0, 4)))
      .to.include('abcd')
      .and.to.have.property('0')
      .that.does.not.match(/^a/);
    expect(error.message).to.include('departs from the usual once');
  });

  it('keeps all departures of a random order that matter together', async () => {
    const { run, orders } = appending(1, 1, 2, 2, 3, 3);
    const check = () => ok(!/ba..fe/.test(orders.at(-1) ?? ''), 'b was before a, and f before e');
    const error = await rejection({ run, duration: 40, check }, { runs: 6, seed: 2 });
    expect(orders).to.include('badcfe');
    expect(orderIn(error)).to.deep.equal([1, 0, 1]);
  });

  it('tries the same orders for the same seed, and other orders for another seed', async () => {
    const tried = async (seed?: number) => {
      const { run, orders } = appending(1, 1, 1, 1, 1, 1);
      await explore({ run, duration: 40 }, { runs: 20, ...(seed !== undefined && { seed }) });
      expect(orders).to.have.length(20);
      return orders.join();
    };
    const [first, second] = [await tried(), await tried(2)];
    expect(await tried()).to.equal(first);
    expect(await tried(1)).to.equal(first);
    expect(await tried(2)).to.equal(second);
    expect(first).to.not.equal(second);
  });

  it('finds workers that do not wait for their database, and no failure if they do', async () => {
    const service = (group: typeof ordered | typeof parallel): Scenario => ({
      run: () => {
        const database = new Database();
        // It wakes up at the instant at which the connection is established.
        const mail = task('mail', async (ctx) => {
          await delay(20);
          return database.next(ctx.task);
        });
        return [group('shop', database.task, mail)];
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

  it('finds no failure in the example service', async () => {
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

  it('finds no order in which two servers run the same slot of a cron', async () => {
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

  it('rejects invalid input', async () => {
    const definition = { run: () => [] };
    for (const runs of [0, 1.5, NaN])
      expect((await rejection(definition, { runs })).message).to.include(
        'Expected `runs` to be a whole number from 1 and up',
      );
    expect((await rejection(definition, { seed: 'x' as never })).message).to.include('Expected `seed` to be a number');
    expect((await rejection(definition, { order: 5 as never })).message).to.include('Expected `order` to be an array');
    expect((await rejection(definition, { order: [0, -1] })).message).to.include(
      'Expected `order` to be a whole number from 0 and up',
    );
    expect((await rejection(definition, { tries: 1 } as never)).message).to.include(
      'Expected an option of `explore`, got `tries`',
    );
    expect((await rejection({ ...definition, wait: 1 })).message).to.include(
      'Expected a member of `scenario`, got `wait`',
    );
    expect((await rejection(undefined)).message).to.include('Expected `scenario` to be an object');
  });
});
