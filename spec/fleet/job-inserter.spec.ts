import { expect } from 'chai';
import sinon from 'sinon';
import { CancelledError } from '../../lib/errors/errors.js';
import { QueueFullError } from '../../lib/fleet/errors.js';
import { JobInserter } from '../../lib/fleet/job-inserter.js';
import type { InsertedJob, NewJob } from '../../lib/fleet/job-store.js';
import type { QueueHandle } from '../../lib/fleet/queue-handle.js';
import { toPolicy } from '../../lib/fleet/queue-policy.js';
import type { QueueOptions, SubmitOptions } from '../../lib/fleet/queue-types.js';
import { fakeDatabase } from '../helpers/fake-database.js';
import { rejectionOf } from '../helpers/rejection.js';
import { deferred } from '../helpers/tasks.js';

const refused = Object.assign(new Error('too deep'), { code: '54001' });
const lost = new Error('Connection terminated unexpectedly');
const stopped = new Error('stopped');
const noJobs: ReadonlyMap<string, InsertedJob> = new Map();

const jobOf = (id: string, options: SubmitOptions = {}, length = 1): NewJob<number> => ({
  id,
  data: { input: 1 },
  options,
  length,
});
const jobsOf = (count: number, length?: number) => Array.from({ length: count }, (_, n) => jobOf(`${n}`, {}, length));
const idsOf = (jobs: readonly { id: string }[]) => jobs.map(({ id }) => id).join();

/**
 * Creates what inserts the jobs of a queue. Returns it with its calls.
 *
 * @param insert answers the insertions. Default: all jobs are inserted.
 */
function create(
  options: QueueOptions = {},
  insert: (jobs: readonly NewJob<unknown>[]) => Promise<ReadonlyMap<string, InsertedJob>> = () =>
    Promise.resolve(noJobs),
) {
  const inserted: string[] = [];
  const calls: unknown[] = [];
  const state = { waiting: 0, counts: 0 };
  const database = fakeDatabase((sql, values) => {
    if (sql.includes('delete from "schema".job_key')) calls.push(['delete keys', ...values]);
    if (sql.includes('as waiting')) {
      calls.push(['count', ...values]);
      state.counts++;
    }
    return Promise.resolve({ rows: [{ waiting: state.waiting }] });
  });
  const degraded: string[] = [];
  database.events$.subscribe((event) => event.type === 'degraded' && degraded.push(event.what));
  const services = {
    database,
    jobs: {
      insert: (queue: string, jobs: readonly NewJob<unknown>[], client: object | undefined, message: unknown) => {
        inserted.push(idsOf(jobs));
        state.waiting += jobs.length;
        calls.push(['insert', queue, jobs.length, ...(client ? ['within'] : []), ...(message ? [message] : [])]);
        return insert(jobs);
      },
    },
    control: {
      send: (message: object) => calls.push(['send', message]),
      emitHere: (message: object) => calls.push(['emit', message]),
      sendWithin: (_: unknown, message: object) => Promise.resolve(calls.push(['send within', message])),
      payloadOf: (messages: object[]) => ({ messages }),
    },
    dependents: { settleInBackground: (jobs: string[]) => jobs.length > 0 && calls.push(['settle', ...jobs]) },
    master: { context: { cause: stopped } },
  };
  const queue = { name: 'q', policy: toPolicy(options), services } as unknown as QueueHandle;
  return { inserter: new JobInserter<number>(queue), database, state, inserted, calls, degraded };
}

const work = { type: 'work', queue: 'q' };
const written = (count: number, ...further: unknown[]) => ['insert', 'q', count, ...further, { messages: [work] }];

describe('An insertion of jobs', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /** Inserts jobs in one turn. Returns their results, each of which is `none` until then. */
  async function insert(inserter: JobInserter<number>, jobs: readonly NewJob<number>[]): Promise<unknown[]> {
    const results: unknown[] = jobs.map(() => 'none');
    jobs.forEach((job, n) => {
      inserter.insert(job).then(
        (result) => (results[n] = result),
        (error: unknown) => (results[n] = error),
      );
    });
    await clock.tickAsync(0);
    return results;
  }

  it('is one statement for up to 500 jobs of one turn, whose inputs are not too long together', async () => {
    const { inserter, inserted, calls } = create();
    expect(await insert(inserter, [jobOf('a'), jobOf('b')])).to.deep.equal([{ id: 'a' }, { id: 'b' }]);
    expect(calls).to.deep.equal([written(2), ['send', work]]);
    inserted.length = 0;
    await insert(inserter, jobsOf(501));
    await insert(inserter, jobsOf(3, 1_500_000));
    expect(inserted.map((ids) => ids.split(',').length)).to.deep.equal([500, 1, 2, 1]);
  });

  it('begins while another one is not on the disk yet, except for a queue that may be full', async () => {
    for (const [maxWaiting, counts] of [
      [Infinity, [1, 2, 2]],
      [1000, [1, 1, 1]],
    ] as const) {
      const { inserter, inserted } = create({ maxWaiting }, () => deferred<typeof noJobs>().promise);
      for (const count of counts) {
        await insert(inserter, [jobOf('a')]);
        expect(inserted.length).to.equal(count);
      }
    }
  });

  it('notifies the workers, unless its statement has notified those of the other processes', async () => {
    const marked = (...ids: string[]) => new Map(ids.map((id) => [id, { id, mark: 'm' }]));
    for (const [results, call] of [
      [marked('a', 'b'), 'emit'],
      [marked('a'), 'send'],
      [noJobs, 'send'],
      [new Map<string, InsertedJob>([...marked('a'), ['b', { id: 'c' }]]), 'send'],
    ] as const) {
      const { inserter, calls } = create({}, () => Promise.resolve(results));
      await insert(inserter, [jobOf('a'), jobOf('b')]);
      expect(calls).to.deep.equal([written(2), [call, work]]);
    }
  });

  it('settles each job that the others wait for, unless it has a result for these', async () => {
    const { inserter, calls } = create({}, () => Promise.resolve(new Map([['c', { id: 'c' }]])));
    const jobs = [['x', 'y'], ['y'], ['z']].map((after, n) => jobOf('abc'.charAt(n), { after }));
    await insert(inserter, [...jobs, jobOf('d')]);
    expect(calls.at(-1)).to.deep.equal(['settle', 'x', 'y']);
  });

  it('deletes old keys once a minute while the queue has jobs with keys', async () => {
    const { inserter, calls } = create();
    const deletions = () => calls.filter((call) => Array.isArray(call) && call[0] === 'delete keys');
    await insert(inserter, [jobOf('a')]);
    expect(deletions()).to.deep.equal([]);
    for (const [ms, count] of [
      [0, 1],
      [59_000, 1],
      [1000, 2],
    ] as const) {
      await clock.tickAsync(ms);
      await insert(inserter, [jobOf('a'), jobOf('b', { key: 'k' })]);
      expect(deletions()).to.deep.equal(Array.from({ length: count }, () => ['delete keys', 'q']));
    }
  });

  it('that the server refuses is divided, so that one input is refused alone', async () => {
    const { inserter, inserted } = create({}, (jobs) =>
      jobs.some(({ id }) => id === 'c') ? Promise.reject(refused) : Promise.resolve(noJobs),
    );
    const results = await insert(
      inserter,
      ['a', 'b', 'c', 'd', 'e'].map((id) => jobOf(id)),
    );
    const [error] = results.splice(2, 1);
    expect(results).to.deep.equal(['a', 'b', 'd', 'e'].map((id) => ({ id })));
    expect(String(error)).to.equal('TypeError: The database cannot store `input`: too deep');
    expect((error as Error).cause).to.equal(refused);
    expect(inserted).to.deep.equal(['a,b,c,d,e', 'a,b', 'c,d,e', 'c', 'd,e']);
  });

  it('is not divided by a lost connection, which it waits for until the close', async () => {
    const { inserter, database, inserted } = create({}, () => Promise.reject(lost));
    database.events$.subscribe();
    const results = await insert(inserter, [jobOf('a'), jobOf('b')]);
    await clock.tickAsync(1000);
    expect(inserted.length).to.be.above(1);
    await database.stopRetrying();
    await clock.tickAsync(0);
    expect(results).to.deep.equal([lost, lost]);
    expect(new Set(inserted)).to.deep.equal(new Set(['a,b']));
  });

  it('leaves out jobs that nobody wants any more', async () => {
    const { inserter, inserted } = create();
    await insert(inserter, [{ ...jobOf('a'), dropped: true }, jobOf('b')]);
    await insert(inserter, [{ ...jobOf('c'), dropped: true }]);
    expect(inserted).to.deep.equal(['b']);
  });

  it('waits for room, and is reported if there is none for long', async () => {
    const { inserter, inserted, calls, state, degraded } = create({ maxWaiting: 3 });
    state.waiting = 3;
    const jobs = ['a', 'b', 'c'].map((id) => jobOf(id));
    await clock.tickAsync(5000);
    await insert(inserter, jobs);
    await clock.tickAsync(399);
    expect(calls).to.deep.equal([
      ['count', 'q', 3],
      ['count', 'q', 3],
    ]);
    await clock.tickAsync(9601);
    expect([inserted, degraded]).to.deep.equal([[], []]);
    await clock.tickAsync(200);
    expect(degraded).to.deep.equal(['Queue q is full. A handler that submits to its own full queue waits for ever']);
    state.waiting = 2;
    await clock.tickAsync(200);
    state.waiting = 1;
    await clock.tickAsync(200);
    expect(inserted).to.deep.equal(['a', 'b,c']);
  });

  it('does not wait for room for jobs that nobody wants any more', async () => {
    const { inserter, inserted, state } = create({ maxWaiting: 1 });
    state.waiting = 1;
    const jobs = ['a', 'b'].map((id) => jobOf(id));
    const [first, second] = jobs;
    const results = await insert(inserter, jobs);
    await clock.tickAsync(100);
    if (first) first.dropped = true;
    await clock.tickAsync(200);
    expect(state.counts).to.equal(2);
    if (second) second.dropped = true;
    await clock.tickAsync(200);
    expect(results).to.deep.equal([{ id: 'a' }, { id: 'b' }]);
    expect([inserted, state.counts]).to.deep.equal([[], 2]);
  });

  it('fails while it waits for room when the fleet is closed', async () => {
    const { inserter, database, inserted, state } = create({ maxWaiting: 1 });
    state.waiting = 1;
    const results = await insert(inserter, [jobOf('a')]);
    await database.stopRetrying();
    await clock.tickAsync(200);
    expect(results[0]).to.be.instanceOf(CancelledError).with.property('cause', stopped);
    expect(inserted).to.deep.equal([]);
  });
});

describe('An insertion within a transaction', () => {
  /** Creates a client that records its statements, and may fail at some. */
  function clientOf(errors: Readonly<Record<string, Error>> = {}, rows: object[] = []) {
    const statements: string[] = [];
    const query = (text: string, values: unknown[]) => {
      statements.push([text.includes('as waiting') ? 'count' : text, ...values].join(' '));
      const error = Object.entries(errors).find(([begin]) => text.startsWith(begin))?.[1];
      return error ? Promise.reject(error) : Promise.resolve({ rows });
    };
    return { query, statements };
  }
  const [begun, undone, kept] = [
    'savepoint rxjs_tasks',
    'rollback to savepoint rxjs_tasks',
    'release savepoint rxjs_tasks',
  ];
  const withState = (code: string, message = 'no') => Object.assign(new Error(message), { code });

  it('is one statement for up to 500 jobs, whose inputs are not too long together', async () => {
    const { inserter, calls } = create();
    const client = clientOf();
    const jobs = [
      ...jobsOf(501),
      ...[1_500_000, 2_500_000, 1_500_000, 5_000_000, 4_000_000, 1].map((length, n) => jobOf(`long ${n}`, {}, length)),
    ];
    expect(await inserter.insertWithin(client, jobs, true)).to.deep.equal(jobs.map(({ id }) => id));
    // The first of the long ones joins the job before it.
    const counts = [500, 2, 2, 1, 1, 1];
    expect(calls).to.deep.equal([...counts.map((count) => ['insert', 'q', count, 'within']), ['send within', work]]);
    expect(client.statements).to.deep.equal([begun, kept]);
  });

  it('returns the jobs that are in the place of others, and notifies no worker if it must not', async () => {
    const { inserter, calls } = create({}, () => Promise.resolve(new Map([['b', { id: 'x' }]])));
    const client = clientOf();
    expect(await inserter.insertWithin(client, [jobOf('a'), jobOf('b')], false)).to.deep.equal(['a', 'x']);
    expect(calls).to.deep.equal([['insert', 'q', 2, 'within']]);
    expect(client.statements).to.deep.equal([begun, kept]);
  });

  it('is undone alone after a refusal', async () => {
    const refusal = new RangeError('no such job');
    const { inserter } = create({}, () => Promise.resolve(new Map([['a', { refusal }]])));
    const client = clientOf();
    expect(await rejectionOf(inserter.insertWithin(client, [jobOf('a')], true))).to.equal(refusal);
    expect(client.statements).to.deep.equal([begun, undone]);
  });

  it('fails with the first error of a client that has lost its connection', async () => {
    const { inserter } = create({}, () => Promise.reject(lost));
    const client = clientOf({ rollback: new Error('Client has encountered a connection error and is not queryable') });
    expect(await rejectionOf(inserter.insertWithin(client, [jobOf('x')], true))).to.equal(lost);
    expect(client.statements).to.deep.equal([begun, undone]);
  });

  it('names what is wrong with an input, and with its client', async () => {
    const within = 'Expected `db` to be a client that has begun a transaction. Execute `begin` first';
    const other = 'Expected `db` to be a client of the database of the fleet';
    for (const [error, message] of [
      [withState('22P05', 'no such letter'), 'The database cannot store `input`: no such letter'],
      [withState('3F000'), other],
    ] as const) {
      const { inserter } = create({}, () => Promise.reject(error));
      const rejection = await rejectionOf(inserter.insertWithin(clientOf(), [jobOf('x')], true));
      expect(rejection).to.be.instanceOf(TypeError).with.property('cause', error);
      expect(rejection.message).to.equal(message);
    }
    const { inserter } = create();
    const error = withState('25P01');
    const rejection = await rejectionOf(inserter.insertWithin(clientOf({ savepoint: error }), [jobOf('x')], true));
    expect(rejection).to.be.instanceOf(TypeError).with.property('cause', error);
    expect(rejection.message).to.equal(within);
  });

  it('fails with any other error as it is', async () => {
    for (const error of [withState('53100'), new TypeError('of the client'), withState('40001')]) {
      const { inserter } = create({}, () => Promise.reject(error));
      expect(await rejectionOf(inserter.insertWithin(clientOf(), [jobOf('x')], true))).to.equal(error);
    }
    const { inserter } = create();
    const client = clientOf({ savepoint: lost });
    expect(await rejectionOf(inserter.insertWithin(client, [jobOf('x')], true))).to.equal(lost);
    expect(client.statements).to.deep.equal([begun]);
  });

  it('is refused if the queue has no room for all of its jobs', async () => {
    for (const [rows, max, isFull] of [
      [[{ waiting: 1 }], 2, true],
      [[{ waiting: 0 }], 2, false],
      [[], 2, false],
      [[], 1, true],
    ] as const) {
      const { inserter, inserted } = create({ maxWaiting: max });
      const client = clientOf({}, [...rows]);
      const ids = inserter.insertWithin(client, [jobOf('a'), jobOf('b')], false);
      const result = await ids.catch((error: unknown) => error);
      if (!isFull) expect(result).to.deep.equal(['a', 'b']);
      else expect(result).to.be.instanceOf(QueueFullError).with.property('message').that.includes(`${max} waiting`);
      expect(inserted.length).to.equal(isFull ? 0 : 1);
      expect(client.statements).to.deep.equal([begun, `count q ${max}`, isFull ? undone : kept]);
    }
  });
});
