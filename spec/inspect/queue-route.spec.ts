import { expect } from 'chai';
import { fleetParts } from '../../lib/inspect/server/fleet-parts.js';
import type { InspectedQueue } from '../../lib/inspect/server/fleet-state-source.js';
import { emptyQueue, exampleFleet } from '../helpers/example-fleet.js';

const id = '6ba7b810-9dad-41d1-80b4-00c04fd430c8';
const queuesPath = '/fleet/queues/';

describe('The resources of a queue', () => {
  /** Returns a function that gets a resource, and the calls of the queue. Each has 51 jobs, letters, or groups. */
  const resources = (change: Partial<InspectedQueue> = {}) => {
    const calls: unknown[][] = [];
    const called =
      <T>(name: string, result: T) =>
      (...args: unknown[]) => {
        calls.push([name, ...args]);
        return Promise.resolve(result);
      };
    const job = (index: number) => ({
      id: `job-${index}`,
      state: 'waiting',
      attempt: 0,
      priority: 0,
      createdAt: new Date(0),
    });
    const jobs = Array.from({ length: 51 }, (_, index) => job(index) as never);
    const queue = emptyQueue({
      jobs: called('jobs', jobs),
      job: called('job', jobs[0]),
      deadLetters: called('deadLetters', []),
      groups: called('groups', [{ group: 'acme', waiting: 1, running: 2 }]),
      ...change,
    });
    const names: string[] = [];
    const fleet = { state: () => Promise.resolve(exampleFleet()), queue: (name: string) => (names.push(name), queue) };
    const { queues } = fleetParts(
      fleet,
      false,
      () => 0,
      () => undefined,
    );
    const get = async (path: string, query = '') => {
      const { status, body } = await queues(`${queuesPath}${path}`, query);
      return { status, ...(body as { jobs?: { id: string }[]; next?: string; error?: string; groups?: unknown[] }) };
    };
    return { get, calls, names };
  };

  it('are read from the queue of that name, with a limit', async () => {
    const { get, calls, names } = resources();
    for (const [path, query] of [
      ['emails/jobs', ''],
      ['emails/jobs', `limit=500&after=${id}&state=failed`],
      ['emails/dead-letters', ''],
      ['emails/groups', ''],
      [`emails/jobs/${id}`, ''],
      ['%65mails/jobs', 'limit=1'],
    ] as const)
      expect((await get(path, query)).status, `${path}?${query}`).to.equal(200);
    // A job more shows whether there is another page.
    expect(calls).to.deep.equal([
      ['jobs', { limit: 51 }],
      ['jobs', { limit: 501, state: 'failed', after: id }],
      ['deadLetters', 50],
      ['groups', 10],
      ['job', id],
      ['jobs', { limit: 2 }],
    ]);
    expect(new Set(names)).to.deep.equal(new Set(['emails']));
  });

  it('have the id after which the next page begins, if there is one', async () => {
    const { get } = resources();
    const page = async (limit: number) => {
      const { jobs = [], next } = await get('emails/jobs', `limit=${limit}`);
      return [jobs.length, next];
    };
    expect(await page(50)).to.deep.equal([50, 'job-49']);
    expect(await page(51)).to.deep.equal([51, undefined]);
    expect((await get('emails/groups')).groups).to.deep.equal([{ group: 'acme', waiting: 1, running: 2 }]);
  });

  const paths = `Expected ${queuesPath}<name>/jobs, …/jobs/<id>, …/dead-letters or …/groups`;
  const refused: [path: string, query: string, status: number, error: string][] = [
    ['emails', '', 404, paths],
    ['emails/', '', 404, paths],
    ['emails/letters', '', 404, paths],
    [`emails/groups/${id}`, '', 404, paths],
    [`emails/jobs/${id}/x`, '', 404, paths],
    ['others/jobs', '', 404, 'There is no queue others'],
    ['a%20b/jobs', '', 400, "Expected `name` to be up to 100 letters, digits, `_` and `-`, got `'a b'` (string)"],
    ['%zz/jobs', '', 400, "Expected `name` to be up to 100 letters, digits, `_` and `-`, got `'%zz'` (string)"],
    ['emails/jobs/1', '', 400, "Expected `job` to be the id of a job, got `'1'` (string)"],
    ['emails/dead-letters', 'limit=1', 400, 'Expected `query` to be empty, got `limit`'],
    ['emails/groups', 'limit=1', 400, 'Expected `query` to be empty, got `limit`'],
    ...['0', '501', '-1', '1.5', '1e2', '1x', 'x1', ''].map((limit): [string, string, number, string] => [
      'emails/jobs',
      `limit=${limit}`,
      400,
      `Expected \`limit\` to be a whole number from 1 to 500, got \`'${limit}'\` (string)`,
    ]),
  ];
  for (const [path, query, status, error] of refused)
    it(`are refused at ${path}?${query}`, async () => {
      const { get, calls } = resources();
      expect(await get(path, query)).to.deep.equal({ status, error });
      expect(calls).to.deep.equal([]);
    });

  it('are not found if the queue has no such job', async () => {
    const { get } = resources({ job: () => Promise.resolve(undefined) });
    expect(await get(`emails/jobs/${id}`)).to.deep.equal({ status: 404, error: `There is no job ${id}` });
  });

  it('are refused after a job that was deleted, and not available while the fleet does not answer', async () => {
    for (const [error, status, message] of [
      [new RangeError('Expected `after` to be a job'), 400, 'Expected `after` to be a job'],
      [new Error('no database'), 503, 'The fleet does not answer: no database'],
    ] as const) {
      const { get } = resources({ jobs: () => Promise.reject(error) });
      expect(await get('emails/jobs')).to.deep.equal({ status, error: message });
    }
  });

  it('are shared by the clients that ask for the same', async () => {
    const { get, calls } = resources();
    await Promise.all([
      get('emails/jobs'),
      get('emails/jobs'),
      get('emails/jobs', 'state=failed'),
      get('emails/groups'),
    ]);
    expect(calls.map(([name]) => name)).to.deep.equal(['jobs', 'jobs', 'groups']);
  });

  it('are none of a fleet without queues, and of none', async () => {
    for (const fleet of [undefined, { state: () => Promise.resolve(exampleFleet()) }]) {
      const { queues, performQueueAction } = fleetParts(
        fleet,
        false,
        () => 0,
        () => undefined,
      );
      const { status, body } = await queues(`${queuesPath}emails/jobs`, '');
      expect([status, body, performQueueAction]).to.deep.equal([
        404,
        { error: 'The inspector has no fleet with queues: pass it as inspector({ fleet })' },
        undefined,
      ]);
    }
  });
});
