import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import { parallel, task } from 'rxjs-tasks';
import { explore, scenario, script, type ScenarioResult } from 'rxjs-tasks/testing';
import { Database } from '../../examples/service/database.js';
import { composeShop } from '../../examples/service/shop.js';

describe('The service example in virtual time', () => {
  const http = () => script('http', '[->(!])-|');
  const expectClean = ({ report }: ScenarioResult) => expect(report?.clean).to.equal(true);

  it('processes its orders, stops accepting requests after the drain, and stops in reverse', async () => {
    const database = new Database();
    await scenario({
      run: () => [composeShop(database, http())],
      during: async () => {
        await delay(30);
        await database.insert('tea');
      },
      values: { t: { id: 1, item: 'tea' } },
      signals: '                100ms                           T',
      drainDelay: 10,
      check: expectClean,
      expect: `
        shop                [ 19ms -   -> 20ms - 56ms - 9ms !   --    19ms |
        shop/database       [ 19ms >   -- 20ms - 56ms - 9ms -   -(!]) 19ms |
        shop/workers/mail   - 19ms >   -- 20ms t 56ms - 9ms -   -(!|)
        shop/workers/stock  - 19ms >   -- 20ms t 56ms - 9ms -   -(!|)
        shop/http           - 19ms [   -> 20ms - 56ms - 9ms (!])-|
        readiness           - 19ms -   -> 20ms - 56ms <
        application         - 19ms -   -- 20ms - 56ms ~ 9ms !   --    19ms |
      `,
    });
  });

  it('restarts its workers when an order makes them fail, and is not ready until then', async () => {
    const database = new Database();
    const { marbles } = await scenario({
      run: () => [composeShop(database, http())],
      during: async () => {
        await delay(30);
        await database.insert('poison');
      },
      signals: '1s T',
      check: expectClean,
      expect: `
        shop/database       [ 19ms >   -- 20ms -    956ms --  (!]) 19ms |
        shop/http           - 19ms [   -> 20ms -    956ms (!])-|
      `,
    });
    const [mail, stock, ready] = ['mail', 'stock', 'readiness'].map((name) =>
      marbles.split('\n').find((row) => row.includes(name)),
    );
    expect([mail, stock]).to.satisfy((rows: string[]) => rows.every((row) => /\(#<\).*>/.test(row)));
    expect(ready).to.match(/>.*<.*>.*</);
  });

  it('behaves the same in every order of simultaneous events', async () => {
    await explore(
      { run: () => [composeShop(new Database(), http())], signals: '60ms T', check: expectClean },
      { runs: 50 },
    );
  });

  it('depends on the order of events if a worker does not wait for the database', async () => {
    const run = () => {
      const database = new Database();
      const unordered = task('mail', async () => {
        await delay(20);
        return database.next('mail');
      });
      return [parallel('shop', database.task, unordered)];
    };
    await scenario({ run, signals: '60ms T', check: expectClean });
    const error = await explore({ run, signals: '60ms T', check: expectClean }).catch((reason: unknown) => reason);
    expect(String(error)).to.include('departs from the usual once');
    expect(String(error)).to.include(
      [
        'shop           [ 19ms -    19ms #',
        'shop/database  [ 19ms (!]) 19ms |',
        'shop/mail      > 19ms #',
        'application    - 19ms !    19ms #',
      ].join('\n'),
    );
  });
});
