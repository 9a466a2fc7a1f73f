import { expect } from 'chai';
import { Client, Pool } from 'pg';
import { every } from '../../lib/fleet/every.js';
import { fromStored, storeOptions, toStored } from '../../lib/fleet/queue-options.js';
import {
  expireSecondsOf,
  toBossOptions,
  toPolicy,
  validateJobId,
  validateJobsFilter,
  validateQueueName,
  validateSupported,
} from '../../lib/fleet/queue-policy.js';
import type { WorkerOptions } from '../../lib/fleet/queue-types.js';
import { readEnqueueOptions, readSubmitOptions } from '../../lib/fleet/submit-options.js';
import { validatePath } from '../../lib/fleet/validate-path.js';
import { worker } from '../../lib/fleet/worker.js';
import { readWorkerOptions } from '../../lib/fleet/worker-options.js';
import { fakeDatabase } from '../helpers/fake-database.js';

const day = 86_400_000;
const job = '9b2b1c8e-1c1f-4c1e-9f0a-0d8f6f7e3a11';
const db = { query: () => Promise.resolve({ rows: [] }) };
const untyped = (value: unknown) => value as never;

/** Returns the error of a call as a text, or undefined without one. */
function errorOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

describe('The options of a job', () => {
  it('are accepted up to their limits', () => {
    for (const options of [
      { retries: 1000, timeout: day, priority: 1_000_000, delay: 365 * day },
      { retries: 0, timeout: 1, priority: -1_000_000, delay: 0 },
      { key: 'k'.repeat(200), keyWindow: 365 * day, group: 'g' },
      { key: 'k', keyWindow: 0, after: Array.from({ length: 1000 }, () => job) },
      { delay: new Date(1000 + 365 * day) },
      { delay: new Date(0) },
    ])
      expect(readSubmitOptions(options, 1000)).to.deep.equal(options);
  });

  it('are refused beyond them, with the name of the option', () => {
    const cases: [object, string][] = [
      [{ retries: 1001 }, 'RangeError: Expected `retries` to be a whole number from 0 to 1000, got `1001` (number)'],
      [{ timeout: 0.5 }, `RangeError: Expected \`timeout\` to be a number from 1 to ${day}, got \`0.5\` (number)`],
      [{ key: 5 }, 'TypeError: Expected `key` to be a string, got `5` (number)'],
      [{ key: '' }, "RangeError: Expected `key` to be from 1 to 200 characters, got `''` (string)"],
      [{ group: 5 }, 'TypeError: Expected `group` to be a string, got `5` (number)'],
      [{ group: '\0' }, 'TypeError: Expected `group` to be JSON without NUL and lone surrogates in its strings'],
      [
        { key: 'k', keyWindow: -1 },
        `RangeError: Expected \`keyWindow\` to be a number from 0 to ${365 * day}, got \`-1\` (number)`,
      ],
      [{ keyWindow: 1 }, 'TypeError: Expected `keyWindow` to be used together with `key`'],
      [
        { after: Array.from({ length: 1001 }, () => job) },
        'RangeError: Expected `after` to be up to 1000 ids of jobs, got `1001` (number)',
      ],
      [{ after: [`${job}0`] }, `RangeError: Expected \`after\` to be the id of a job, got \`'${job}0'\` (string)`],
      [{ after: [`0${job}`] }, `RangeError: Expected \`after\` to be the id of a job, got \`'0${job}'\` (string)`],
    ];
    for (const [options, expected] of cases) expect(errorOf(() => readSubmitOptions(options))).to.equal(expected);
    const delay = `Expected \`delay\` to be a number of ms from 0 to ${365 * day}, or a date within the next 365 days`;
    expect(errorOf(() => readSubmitOptions({ delay: -1 }))).to.equal(`RangeError: ${delay}, got \`-1\` (number)`);
    expect(errorOf(() => readSubmitOptions({ delay: untyped('1') }))).to.include(`TypeError: ${delay}`);
    for (const ms of [365 * day + 1, NaN])
      for (const refused of [ms, new Date(ms)])
        expect(errorOf(() => readSubmitOptions({ delay: refused }, 0))).to.include(`RangeError: ${delay}`);
  });

  it('do not change with the objects of the caller', () => {
    const options = { delay: new Date(day), after: [job] };
    const read = readSubmitOptions(options, 0);
    options.delay.setTime(0);
    options.after.pop();
    expect(read).to.deep.equal({ delay: new Date(day), after: [job] });
    expect(readSubmitOptions({ delay: 5 })).to.deep.equal({ delay: 5 });
  });

  it('are read once, also inherited ones', () => {
    let reads = 0;
    const options = Object.create({
      get priority() {
        return ++reads;
      },
    }) as { priority: number };
    expect(readSubmitOptions(options)).to.deep.equal({ priority: 1 });
    expect(readEnqueueOptions(options).jobOptions).to.deep.equal({ priority: 2 });
  });

  it('of a worker are refused if the tables do not allow them, also inherited ones', () => {
    const queue = { name: 'q', services: { jobs: { unsupported: new Set(['rate']) } } };
    const options = Object.create({ rate: { jobs: 1, per: 1 } }) as WorkerOptions;
    expect(errorOf(() => worker(untyped(queue), () => 1, options))).to.include('TypeError: Expected no option `rate`');
  });

  it('say which option of which function was probably meant', () => {
    const retries = 'did you mean `retries`?';
    const cases: readonly [of: string, call: (options: never) => unknown, hints: Record<string, string>][] = [
      ['queue', toPolicy, { retry: retries, attempts: retries, maxAttempts: retries, retryLimit: retries }],
      ['queue', toPolicy, { retryDelay: 'did you mean `backoff`?', concurrency: '`worker` has `concurrency`.' }],
      ['queue', toPolicy, { rate: '`worker` has `rate`.' }],
      ['worker', (options) => readWorkerOptions(options, 'q'), { limiter: 'did you mean `rate`?' }],
      ['worker', (options) => readWorkerOptions(options, 'q'), { retries: '`queue` has `retries`.' }],
      ['worker', (options) => readWorkerOptions(options, 'q'), { backoff: '`queue` has `backoff`.' }],
      ['worker', (options) => readWorkerOptions(options, 'q'), { timeout: '`queue` has `timeout`.' }],
      ['submit', readSubmitOptions, { attempts: retries, db: '`enqueue` has `db`.' }],
      ['enqueue', readEnqueueOptions, { jobId: 'did you mean `key`?', singletonKey: 'did you mean `key`?' }],
      ['enqueue', readEnqueueOptions, { unique: 'did you mean `key`?', startAfter: 'did you mean `delay`?' }],
      ['enqueue', readEnqueueOptions, { retryLimit: retries, backoff: '`queue` has `backoff`.' }],
    ];
    for (const [of, call, hints] of cases)
      for (const [name, hint] of Object.entries(hints))
        expect(errorOf(() => call(untyped({ [name]: 1 })))).to.include(
          `TypeError: Expected an option of \`${of}\`, got \`${name}\`; ${hint} Known options: `,
        );
  });

  it('have no pool as the client of a transaction', () => {
    expect(errorOf(() => readEnqueueOptions({ db: new Pool() }))).to.equal(
      'TypeError: Expected `db` to be a client, got a pool. Take one of its clients: await pool.connect()',
    );
    const client = new Client();
    expect(readEnqueueOptions({ db: client }).db).to.equal(client);
  });

  it('may have a client, and then whether its transaction notifies workers', () => {
    expect(readEnqueueOptions({ retries: 1 })).to.deep.equal({
      db: undefined,
      notify: true,
      jobOptions: { retries: 1 },
    });
    expect(readEnqueueOptions({ db }).notify).to.equal(true);
    expect(readEnqueueOptions({ db, notify: false })).to.deep.equal({ db, notify: false, jobOptions: {} });
    expect(errorOf(() => readEnqueueOptions({ db, notify: untyped('no') }))).to.equal(
      "TypeError: Expected `notify` to be a boolean, got `'no'` (string)",
    );
    expect(errorOf(() => readEnqueueOptions({ notify: true }))).to.equal(
      'TypeError: Expected `notify` to be used together with `db`',
    );
    expect(errorOf(() => readEnqueueOptions({ db: untyped({}) }))).to.include(
      'TypeError: Expected `db` to be a client with a `query` function',
    );
  });
});

describe('The options of a queue, a worker and a list of jobs', () => {
  it('name the option that is refused', () => {
    const cases: [() => unknown, string][] = [
      [() => toPolicy({ retries: 0.5 }), 'RangeError: Expected `retries` to be a whole number from 0 to 1000'],
      [() => toPolicy({ backoff: { initial: -1 } }), `RangeError: Expected \`backoff.initial\` to be a number from 0`],
      [() => toPolicy({ backoff: { initial: 9, max: 5 } }), 'RangeError: Expected `backoff.max` to be a number from 9'],
      [() => toPolicy({ backoff: untyped({ min: 1 }) }), 'TypeError: Expected a member of `backoff`, got `min`'],
      [() => toPolicy({ retention: -1 }), 'RangeError: Expected `retention` to be a number from 0'],
      [() => toPolicy({ maxWaiting: 0 }), 'RangeError: Expected `maxWaiting` to be a whole number from 1 and up'],
      [() => validateQueueName(untyped(5)), 'TypeError: Expected `name` to be a string, got `5` (number)'],
      [() => validateQueueName('a b'), 'RangeError: Expected `name` to be up to 100 letters, digits, `_` and `-`'],
      [() => validateJobId(`x${job}`), 'RangeError: Expected `job` to be the id of a job'],
      [() => validateJobId(`${job}x`), 'RangeError: Expected `job` to be the id of a job'],
      [() => validateJobsFilter(untyped({ states: 1 })), 'TypeError: Expected a member of `filter`, got `states`'],
      [
        () => validateJobsFilter({ state: untyped('done') }),
        'RangeError: Expected `state` to be one of waiting, delayed, blocked, active, retrying, completed, failed, ' +
          "cancelled, got `'done'` (string)",
      ],
      [() => validateJobsFilter({ limit: 0 }), 'RangeError: Expected `limit` to be a whole number from 1 to 10000'],
      [() => validateJobsFilter({ after: 'x' }), 'RangeError: Expected `after` to be the id of a job'],
      [() => readWorkerOptions({ name: untyped(5) }, 'q'), 'TypeError: Expected `name` to be a string'],
      [
        () => readWorkerOptions({ groupConcurrency: 0 }, 'q'),
        'RangeError: Expected `groupConcurrency` to be a whole number from 1 to 10000',
      ],
      [
        () => readWorkerOptions({ rate: untyped({ job: 1 }) }, 'q'),
        'TypeError: Expected a member of `rate`, got `job`',
      ],
      [
        () => readWorkerOptions({ rate: { jobs: 0, per: 1 } }, 'q'),
        'RangeError: Expected `rate.jobs` to be a whole number from 1 to 1000000',
      ],
      [
        () => readWorkerOptions({ rate: { jobs: 1, per: 0 } }, 'q'),
        `RangeError: Expected \`rate.per\` to be a number from 1 to ${day}`,
      ],
      [() => validatePath(untyped(5)), 'TypeError: Expected `path` to be a string, got `5` (number)'],
      [() => validatePath(''), "RangeError: Expected `path` to be the path of a task, got `''` (string)"],
      [() => every(0), 'RangeError: Expected `ms` to be a whole number from 1 and up, got `0` (number)'],
    ];
    for (const [call, expected] of cases) expect(errorOf(call)).to.include(expected);
    expect(errorOf(() => validatePath('shop/mails'))).to.equal(undefined);
  });

  it('are stored and read again, also inherited ones', () => {
    const options = { retries: 3, backoff: { initial: 5, max: 9 }, timeout: 7, retention: 8, maxWaiting: Infinity };
    const stored = toStored(Object.create(options) as typeof options);
    expect(stored).to.deep.equal({ retries: 3, initial: 5, max: 9, timeout: 7, retention: 8, maxWaiting: 0 });
    expect(fromStored(stored)).to.deep.equal(options);
    expect(fromStored({ initial: 5 }).backoff).to.deep.equal({ initial: 5, max: undefined });
    expect(fromStored({ max: 9 }).backoff).to.deep.equal({ initial: undefined, max: 9 });
    expect(fromStored({ initial: 10, max: 9 }).backoff).to.deep.equal({ initial: 10, max: 10 });
    expect(fromStored({ maxWaiting: 6 }).maxWaiting).to.equal(6);
    expect([toStored({}), toStored({ backoff: {} }), toStored({ retries: 0, timeout: undefined })]).to.deep.equal([
      {},
      {},
      { retries: 0 },
    ]);
  });

  it('are stored beside those that other processes have given, and hold together with them', async () => {
    for (const [rows, timeout] of [
      [[{ options: { retries: 0, timeout: 7 } }], 7],
      [[], day],
    ] as const) {
      const statements: [string, unknown[]][] = [];
      const database = fakeDatabase((sql, values) => {
        statements.push([sql, values]);
        return Promise.resolve({ rows: [...rows] });
      });
      expect(await storeOptions(database, 'q', { retries: 0 })).to.include({ retries: 0, timeout });
      const [sql, values] = statements[0] ?? [];
      expect(sql).to.match(/^insert into "schema"\.queue .* set options = known\.options \|\| excluded\.options/s);
      expect(values).to.deep.equal(['q', '{"retries":0}']);
    }
  });

  it('are those of pg-boss in whole seconds, with more time for an attempt than its process gives it', () => {
    const retentionSeconds = 10 * 365 * 86_400;
    expect(toBossOptions(toPolicy({}), 10_000)).to.deep.equal({
      ...{ retryLimit: 2, retryDelay: 1, retryBackoff: true, retryDelayMax: 60, expireInSeconds: 86_400 },
      ...{ deleteAfterSeconds: 7 * 86_400, retentionSeconds, heartbeatSeconds: 10 },
    });
    const shortest = toPolicy({ retries: 0, backoff: { initial: 0 }, timeout: 1500, retention: 0 });
    expect(toBossOptions(shortest, 10_100)).to.deep.equal({
      ...{ retryLimit: 0, retryDelay: 0, retryBackoff: false, expireInSeconds: 12 },
      ...{ deleteAfterSeconds: 1, retentionSeconds, heartbeatSeconds: 11 },
    });
    expect([undefined, 1, 60_000, day].map((timeout) => expireSecondsOf({ timeout }))).to.deep.equal([
      ...[undefined, 61, 120, 86_400],
    ]);
  });

  it('are refused if the tables do not support them, unless they are undefined', () => {
    const unsupported = new Set(['key', 'after']);
    expect(errorOf(() => validateSupported({ retries: 1, key: undefined }, unsupported))).to.equal(undefined);
    expect(errorOf(() => validateSupported({ retries: 1, key: 'k' }, unsupported))).to.equal(
      "TypeError: Expected no option `key`, which this library does not support with this version of pg-boss's tables",
    );
  });

  it('have the limits that are given, and none for Infinity', () => {
    const limitsOf = (options: Parameters<typeof readWorkerOptions>[0]) => readWorkerOptions(options, 'q').limits;
    expect(readWorkerOptions({}, 'q')).to.deep.include({ name: 'q', concurrency: 1 });
    expect(limitsOf({ groupConcurrency: Infinity })).to.deep.equal({});
    expect(limitsOf({ groupConcurrency: 10_000, rate: { jobs: 1_000_000, per: day } })).to.deep.equal({
      groupConcurrency: 10_000,
      rate: { jobs: 1_000_000, per: day },
    });
  });
});
