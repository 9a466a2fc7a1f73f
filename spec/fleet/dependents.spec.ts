import { expect } from 'chai';
import { Subject } from 'rxjs';
import sinon from 'sinon';
import { Dependents } from '../../lib/fleet/dependents.js';
import { fakeDatabase } from '../helpers/fake-database.js';

const refused = Object.assign(new Error('out of range'), { code: '22003' });
const firstId = '00000000-0000-0000-0000-000000000000';
const more = { queue: null, job: null, failed: null, failure: null, awaited: null };
const released = (queue: string, job: string) => ({ queue, job, failed: false, failure: null, awaited: false });
const failure = { name: 'Error', message: 'no' };
const failed = (queue: string, job: string, awaited: boolean | null) => ({
  queue,
  job,
  failed: true,
  failure,
  awaited,
});

describe('The jobs that wait for other jobs', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /**
   * Creates what settles them. Returns it with its calls.
   *
   * @param settle answers a statement about jobs that have ended. Default: no job waits for them.
   * @param find answers a search after an id. Default: it finds none.
   */
  function create({
    settle = () => [],
    find = () => [],
  }: {
    settle?: (ended: string[]) => object[] | Promise<object[]>;
    find?: (lastId: string) => object[] | Promise<object[]>;
  }) {
    const calls: unknown[] = [];
    const database = fakeDatabase(async (sql, [values]) => {
      if (sql.includes('.end_dependencies_')) {
        calls.push(['settle', ...(values as string[])]);
        return { rows: await settle(values as string[]) };
      }
      if (sql.includes('.find_dependencies_')) {
        calls.push(['find', values]);
        return { rows: await find(values as string) };
      }
      calls.push(/^delete from \S+/.exec(sql)?.[0]);
      return { rows: [] };
    });
    const errors: string[] = [];
    database.events$.subscribe((event) => event.type === 'degraded' && errors.push(event.what));
    const control = { send: (message: object) => calls.push(message) };
    const events = { emit: (...args: unknown[]) => calls.push(args) };
    const status$ = new Subject<{ hasDependents: boolean }>();
    const dependents = new Dependents(database, control as never, events as never, { status$ } as never);
    const poll = async (hasDependents = true) => {
      status$.next({ hasDependents });
      await clock.tickAsync(0);
    };
    const settleAll = async (...ended: string[]) => {
      const settled = dependents.settle(ended);
      await clock.tickAsync(0);
      await settled;
    };
    return { dependents, calls, errors, poll, settleAll };
  }

  it('are settled by one statement for the ends of one turn, up to 500, and two statements at a time', async () => {
    const answers: (() => void)[] = [];
    const { dependents, calls } = create({
      settle: () => new Promise((resolve) => answers.push(() => resolve([]))),
    });
    const settled = dependents.settle(['a', 'b', 'a']);
    await clock.tickAsync(0);
    expect(calls).to.deep.equal([['settle', 'a', 'b']]);
    const all = dependents.settle(Array.from({ length: 1001 }, (_, n) => `${n}`));
    await clock.tickAsync(0);
    expect(calls.length).to.equal(2);
    answers[0]?.();
    await settled;
    await clock.tickAsync(0);
    expect(calls.length).to.equal(3);
    for (const answer of answers.slice(1)) answer();
    await clock.tickAsync(0);
    answers.at(-1)?.();
    await all;
    expect(calls.map((call) => (call as unknown[]).length - 1)).to.deep.equal([2, 500, 500, 1]);
  });

  it('start when the last one has completed, of which each of their queues is notified once', async () => {
    const { calls, settleAll } = create({
      settle: () => [released('q', 'x'), released('r', 'y'), released('q', 'z')],
    });
    await settleAll('a');
    expect(calls).to.deep.equal([['settle', 'a'], { type: 'work', queue: 'q' }, { type: 'work', queue: 'r' }]);
  });

  it('fail with one of them, as do those that wait for these, and so on', async () => {
    const answers = new Map([
      ['a', [failed('q', 'x', true), failed('r', 'y', null), released('s', 'z')]],
      ['x,y', [failed('q', 'w', false)]],
    ]);
    const { calls, settleAll } = create({ settle: (ended) => answers.get(ended.join()) ?? [] });
    await settleAll('a');
    const event = { type: 'failed', attempt: 1, failure };
    expect(calls).to.deep.equal([
      ['settle', 'a'],
      ['q', 'x', event, true],
      ['r', 'y', event, false],
      { type: 'work', queue: 's' },
      ['settle', 'x', 'y'],
      ['q', 'w', event, false],
      ['settle', 'w'],
    ]);
  });

  it('are settled by further statements if there are more of them than one may settle', async () => {
    const answers = [[failed('q', 'x', false), more], []];
    const { calls, settleAll } = create({ settle: () => answers.shift() ?? [] });
    await settleAll('a', 'b');
    expect(calls.filter((call) => (call as unknown[])[0] === 'settle')).to.deep.equal([
      ['settle', 'a', 'b'],
      ['settle', 'x', 'a', 'b'],
    ]);
  });

  it('are settled in the background, whatever the server answers first', async () => {
    let tries = 0;
    const { dependents, calls, errors } = create({
      settle: () => (++tries === 1 ? Promise.reject(refused) : []),
    });
    dependents.settleInBackground([]);
    dependents.settleInBackground(['a']);
    await clock.tickAsync(1000);
    expect(calls).to.deep.equal([
      ['settle', 'a'],
      ['settle', 'a'],
    ]);
    expect(errors).to.deep.equal(['The database refuses a statement: out of range']);
  });

  it('are looked for at each poll that finds any, a thousand jobs at a time', async () => {
    const row = (job: string, ended: boolean, number: number) => ({ job, ended, number });
    const pages = new Map([
      [firstId, [row('a', true, 1), row('b', true, 17), row('c', false, 1000)]],
      ['c', [row('d', true, 1000)]],
      ['d', [row('e', true, 999)]],
    ]);
    const { calls, poll } = create({ find: (lastId) => pages.get(lastId) ?? [] });
    await poll(false);
    expect(calls).to.deep.equal([]);
    for (let n = 0; n < 4; n++) await poll();
    expect(calls).to.deep.equal([
      ...[['find', firstId], ['settle', 'a', 'b'], 'delete from "schema".job_after'],
      ...[
        ['find', 'c'],
        ['settle', 'd'],
      ],
      ...[
        ['find', 'd'],
        ['settle', 'e'],
      ],
      ...[
        ['find', firstId],
        ['settle', 'a', 'b'],
      ],
    ]);
  });

  it('leave outputs behind, which are deleted once a minute', async () => {
    const { calls, poll } = create({});
    for (const [ms, deletions] of [
      [0, 1],
      [59_999, 1],
      [1, 2],
      [59_999, 2],
    ] as const) {
      await clock.tickAsync(ms);
      await poll();
      expect(calls.filter((call) => typeof call === 'string').length).to.equal(deletions);
    }
  });

  it('are looked for again after an error, which is reported', async () => {
    let polls = 0;
    const { calls, errors, poll } = create({ find: () => (++polls === 1 ? Promise.reject(refused) : []) });
    await poll();
    expect(errors).to.deep.equal(['The database refuses a statement: out of range']);
    await poll();
    expect(calls.length).to.equal(3);
  });
});
