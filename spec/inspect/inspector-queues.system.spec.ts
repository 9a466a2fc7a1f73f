import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { map } from 'rxjs';
import { optional, task, type AppEvent, type Context, type TaskEvent } from 'rxjs-tasks';
import { UnrecoverableError, type Fleet, type Job, type Queue } from 'rxjs-tasks/fleet';
import type {
  DeadLettersAnswer,
  FleetAnswer,
  InspectorOptions,
  JobAnswer,
  JobsAnswer,
} from '../../lib/inspect/index.js';
import { emptyQueue, exampleFleet } from '../helpers/example-fleet.js';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { httpRequest, openResponse, serverSentEvents } from '../helpers/http.js';
import { inspectedApps } from '../helpers/inspected.js';
import { waitUntil } from '../helpers/wait.js';

const hour = 3_600_000;
const token = 'correct horse battery';
const headers = { authorization: `Bearer ${token}` };
const json = { ...headers, 'content-type': 'application/json' };
const secret = 'ann@example.com';

/** Any answer about a queue. */
type QueueAnswer = JobsAnswer & JobAnswer & DeadLettersAnswer & { readonly error?: string };

describe('The queues of an inspected fleet', () => {
  const inspected = inspectedApps();
  const fleets = new Fleets();
  let fleet: Fleet;
  let queues = 0;

  before(async () => {
    fleet = await fleets.connect({ name: 'process-1' });
  });
  after(() => fleets.close());

  const newQueue = async <In>(): Promise<Queue<In, unknown>> => {
    const queue = fleet.queue<In>(`mails-${++queues}`, { retries: 0 });
    // The first job creates the queue.
    await queue.remove(await queue.enqueue(0 as In));
    return queue;
  };

  const inspect = async (options: Partial<InspectorOptions> = {}, ...runners: Parameters<typeof inspected>[0]) => {
    const events: AppEvent[] = [];
    const app = await inspected(runners, { observer: (event) => events.push(event) }, { fleet, token, ...options });
    const get = async (path: string) => {
      const { status, body } = await httpRequest(`${app.url}fleet/queues/${path}`, headers);
      return { status, text: body, body: JSON.parse(body) as QueueAnswer };
    };
    const post = async (body: object) => {
      const answer = await httpRequest(`${app.url}actions`, json, 'POST', undefined, JSON.stringify(body));
      return [answer.status, JSON.parse(answer.body)] as [number, Record<string, unknown>];
    };
    /** Returns the events about actions, without their times. */
    const operations = () =>
      events.flatMap((event) => {
        if (event.type !== 'operated') return [];
        const { task, action, target, count, by } = event;
        return [`${task}: ${action} ${target}${count === undefined ? '' : ` (${count})`} by ${by}`];
      });
    return { ...app, get, post, operations };
  };

  describe('are read', () => {
    it('by state and page by page, the oldest first', async () => {
      const queue = await newQueue<number>();
      const ids: string[] = [];
      for (let n = 0; n < 5; n++) ids.push(await queue.enqueue(n, { priority: n, key: `key-${n}`, group: 'acme' }));
      const late = await queue.enqueue(9, { delay: hour });
      const { get } = await inspect();
      const page = async (query: string) => {
        const { body } = await get(`${queue.name}/jobs?${query}`);
        return [body.jobs.map(({ id }) => id), body.next];
      };
      expect(await page('limit=3')).to.deep.equal([ids.slice(0, 3), ids[2]]);
      expect(await page(`limit=3&after=${ids[2]}`)).to.deep.equal([[...ids.slice(3), late], undefined]);
      expect(await page('state=delayed')).to.deep.equal([[late], undefined]);
      expect(await page('state=&after=')).to.deep.equal([[...ids, late], undefined]);
      expect(await page('state=failed')).to.deep.equal([[], undefined]);
      const { jobs } = (await get(`${queue.name}/jobs?limit=1`)).body;
      const [{ createdAt, ...job } = expect.fail('no job')] = jobs;
      expect(createdAt).to.be.within(Date.now() - hour, Date.now() + hour);
      expect(job).to.deep.equal({ id: ids[0], state: 'waiting', attempt: 0, priority: 0, key: 'key-0', group: 'acme' });
      expect((await get(`${queue.name}/groups`)).body).to.deep.equal({
        groups: [{ group: 'acme', waiting: 5, running: 0 }],
      });
    });

    /** Runs one job that completes, one that fails, and one that hangs, each with personal data. */
    const personal = async (options: Partial<InspectorOptions>) => {
      const queue = await newQueue<{ to: string; fails?: boolean; hangs?: boolean }>();
      const handle = (
        { to, fails, hangs }: { to: string; fails?: boolean; hangs?: boolean },
        ctx: Context,
        job: Job,
      ) => {
        job.progress({ for: to });
        if (fails) throw new UnrecoverableError(`no mailbox ${to}`);
        if (!hangs) return { sent: to };
        return ctx.cancelled$.pipe(
          map(() => {
            throw new Error(`${to} is left`);
          }),
        );
      };
      const done = await queue.enqueue({ to: secret });
      const failed = await queue.enqueue({ to: secret, fails: true });
      const active = await queue.enqueue({ to: secret, hangs: true });
      const app = await inspect(options, queue.worker(handle, { concurrency: 3 }));
      await waitUntil(async () => {
        const jobs = await queue.jobs();
        const ended = jobs.filter(({ state }) => state === 'completed' || state === 'failed');
        return ended.length === 2 && jobs.some((job) => job.id === active && job.progress !== undefined);
      });
      const jobOf = async (id: string) => {
        const { text, body } = await app.get(`${queue.name}/jobs/${id}`);
        return { text, ...body };
      };
      return { ...app, queue, done, failed, active, jobOf };
    };

    it('without their inputs, outputs, progress and failures, which may be personal', async () => {
      const { get, queue, done, failed, active, jobOf } = await personal({});
      const texts = [
        (await get(`${queue.name}/jobs`)).text,
        (await get(`${queue.name}/dead-letters`)).text,
        ...(await Promise.all([done, failed, active].map(async (id) => (await jobOf(id)).text))),
      ];
      for (const text of texts) expect(text).not.to.include('example.com');
      const { job, showData } = await jobOf(failed);
      expect(showData).to.equal(false);
      expect(job.failure).to.deep.equal({ name: 'UnrecoverableError' });
      const bytes = (value: unknown) => JSON.stringify(value).length;
      expect(job.bytes.input).to.equal(bytes({ to: secret, fails: true }));
      expect((await jobOf(active)).job.bytes.progress).to.equal(bytes({ for: secret }));
      expect((await jobOf(done)).job.bytes).to.include({ output: bytes({ sent: secret }) });
      const { deadLetters } = (await get(`${queue.name}/dead-letters`)).body;
      expect(deadLetters.map((letter) => [letter.job, letter.failure])).to.deep.equal([
        [failed, { name: 'UnrecoverableError' }],
      ]);
    });

    /** Returns what the inspector says of the runs of jobs in its own process, and the events until all have ended. */
    const textsOfRuns = async ({ url, queue, active }: Awaited<ReturnType<typeof personal>>) => {
      const task = `${queue.name}/job`;
      const details = await httpRequest(`${url}task?path=${task}`, headers);
      await queue.cancel(active);
      let text = '';
      let ended = 0;
      for await (const { data } of serverSentEvents(await openResponse(`${url}events`, headers))) {
        text += JSON.stringify(data);
        ended += (data as TaskEvent[]).filter((event) => event.task === task && event.type === 'done').length;
        if (ended === 3) break;
      }
      return [details.body, text] as const;
    };

    it('without the messages of their failures in the events of a worker in the same process', async () => {
      const [details, events] = await textsOfRuns(await personal({}));
      expect(details).to.include('"failures":1').and.not.to.include(secret);
      expect(events).to.include('failed in execute: the message is hidden').and.not.to.include(secret);
    });

    it('without the message of a failure in the error of a task that has waited for the job', async () => {
      const queue = await newQueue<string>();
      for (const showData of [false, true]) {
        const worker = queue.worker((to) => {
          throw new UnrecoverableError(`no mailbox ${to}`);
        });
        const submitter = task('submitter', () => queue.submit(secret));
        const { url } = await inspect({ showData }, worker, optional(submitter));
        const get = async (path: string) => (await httpRequest(`${url}${path}`, headers)).body;
        await waitUntil(async () => (await get('task?path=submitter')).includes('"failures":1'));
        let events = '';
        for await (const { data } of serverSentEvents(await openResponse(`${url}events`, headers))) {
          events += JSON.stringify(data);
          if (events.includes('"task":"submitter","status":"failed"')) break;
        }
        for (const text of [await get('snapshot'), await get('task?path=submitter'), events])
          expect([text.includes('submitter failed in execute'), text.includes(secret)]).to.deep.equal([true, showData]);
      }
    });

    it('with the messages of their failures in these events if the inspector shows data', async () => {
      const [details, events] = await textsOfRuns(await personal({ showData: true }));
      expect(details).to.include(`no mailbox ${secret}`).and.to.include('caused by: UnrecoverableError');
      expect(events).to.include(`no mailbox ${secret}`).and.to.include(`${secret} is left`);
    });

    it('with all of these if the inspector shows data', async () => {
      const { get, queue, done, failed, active, jobOf } = await personal({ showData: true });
      expect((await jobOf(done)).job).to.deep.include({
        state: 'completed',
        attempt: 1,
        input: { to: secret },
        output: { sent: secret },
      });
      const failure = { name: 'UnrecoverableError', message: `no mailbox ${secret}` };
      const { job } = await jobOf(failed);
      expect(job).to.deep.include({ state: 'failed', failure });
      expect([typeof job.startedAt, typeof job.endedAt]).to.deep.equal(['number', 'number']);
      expect((await jobOf(active)).job).to.deep.include({ state: 'active', progress: { for: secret } });
      const { body } = await get(`${queue.name}/jobs?state=failed`);
      expect(body.jobs.map((each) => each.failure)).to.deep.equal([failure]);
      // A list would be long with the data of all jobs.
      expect(body.jobs[0]).not.to.have.any.keys('input', 'output', 'progress');
    });

    it('without data of more than 100 kB, but with its length', async () => {
      const queue = await newQueue<string>();
      const id = await queue.enqueue('x'.repeat(200_000));
      const { get } = await inspect({ showData: true });
      const { job } = (await get(`${queue.name}/jobs/${id}`)).body;
      expect(job).not.to.have.property('input');
      expect(job.bytes).to.deep.equal({ input: 200_002 });
    });

    it('without the name of a failure that could be any text', async () => {
      const names = ['TypeError', 'Error', 'HttpException', secret, 'error', 'Secret of Ann Error'];
      const jobs = names.map((name) => ({ name, message: secret }));
      const queue = emptyQueue({
        deadLetters: () =>
          Promise.resolve(jobs.map((failure) => ({ id: '1', job: '2', input: 1, failure, at: new Date(0) }))),
      });
      const source = { state: () => Promise.resolve(exampleFleet()), queue: () => queue };
      const { get } = await inspect({ fleet: source });
      const { deadLetters } = (await get('emails/dead-letters')).body;
      expect(deadLetters.map(({ failure }) => failure.name)).to.deep.equal([
        'TypeError',
        'Error',
        'HttpException',
        'Error',
        'Error',
        'Error',
      ]);
    });

    it('once for all clients that ask for the same within a second', async () => {
      let reads = 0;
      const queue = emptyQueue({ jobs: () => Promise.resolve([]).finally(() => reads++) });
      const source = { state: () => Promise.resolve(exampleFleet()), queue: () => queue };
      const { get } = await inspect({ fleet: source });
      await Promise.all(Array.from({ length: 20 }, () => get('emails/jobs')));
      expect(reads).to.equal(1);
      await get('emails/jobs?state=failed');
      expect(reads).to.equal(2);
    });

    it('as far as they are known while the database is away, and the jobs when it is back', async () => {
      const queue = await newQueue<number>();
      await queue.enqueue(1);
      const proxy = await FaultProxy.start(await sharedUrl());
      const cutFleets = new Fleets();
      try {
        const cut = await cutFleets.connect({ schema: fleets.schema, url: proxy.url });
        // With a listener, the console does not show the lost connection.
        cut.events$.subscribe();
        const app = await inspect({ fleet: cut });
        const state = async () => {
          const { status, body } = await httpRequest(`${app.url}fleet`, headers);
          return { status, ...(JSON.parse(body) as FleetAnswer) };
        };
        expect((await state()).stale).to.equal(undefined);
        proxy.begin('hole');
        await waitUntil(async () => (await state()).stale !== undefined);
        const { status, queues: known, stale } = await state();
        expect([status, known.some(({ name, waiting }) => name === queue.name && waiting === 1)]).to.deep.equal([
          200,
          true,
        ]);
        expect(stale?.error).to.match(/^The fleet does not answer: /);
        expect(stale?.ageMs).to.be.greaterThan(0);
        expect((await app.get(`${queue.name}/jobs`)).status).to.equal(503);
        proxy.begin('none');
        await waitUntil(async () => (await app.get(`${queue.name}/jobs`)).status === 200);
        expect((await state()).stale).to.equal(undefined);
      } finally {
        proxy.begin('none');
        await cutFleets.close();
        await proxy.close();
      }
    });

    it('with a clear refusal of names, ids, states and parameters that are none', async () => {
      const queue = await newQueue();
      const { get, url } = await inspect();
      const refused = async (path: string) => {
        const { status, body } = await get(path);
        return [status, body.error];
      };
      const name = queue.name;
      const id = randomUUID();
      expect(await refused('no%20name/jobs')).to.deep.equal([
        400,
        "Expected `name` to be up to 100 letters, digits, `_` and `-`, got `'no name'` (string)",
      ]);
      for (const wrong of ['%zz', '%00', 'a.dead', '..', 'x'.repeat(101), '%3Cimg%3E', "';drop%20table"])
        expect((await refused(`${wrong}/jobs`))[0], wrong).to.be.oneOf([400, 404]);
      expect(await refused(`${name}/jobs?state=done`)).to.deep.equal([
        400,
        'Expected `state` to be one of waiting, delayed, blocked, active, retrying, completed, failed, cancelled, ' +
          "got `'done'` (string)",
      ]);
      expect(await refused(`${name}/jobs/1`)).to.deep.equal([
        400,
        "Expected `job` to be the id of a job, got `'1'` (string)",
      ]);
      expect((await refused(`${name}/jobs?after=1`))[0]).to.equal(400);
      expect(await refused(`${name}/jobs?after=${id}`)).to.deep.equal([
        400,
        `Expected \`after\` to be a job of ${name}, got \`'${id}'\` (string)`,
      ]);
      for (const limit of ['0', '501', '-1', '1.5', 'x', ''])
        expect((await refused(`${name}/jobs?limit=${limit}`))[0], limit).to.equal(400);
      expect((await refused(`${name}/jobs?stat=failed`))[1]).to.match(
        /^Expected a member of `query`, .*did you mean `state`/,
      );
      expect(await refused(`${name}/jobs/${id}?x=1`)).to.deep.equal([400, 'Expected `query` to be empty, got `x`']);
      expect(await refused(`${name}/jobs/${id}`)).to.deep.equal([404, `There is no job ${id}`]);
      expect(await refused('nothing/jobs')).to.deep.equal([404, 'There is no queue nothing']);
      for (const path of [name, `${name}/`, `${name}/letters`, `${name}/jobs/${id}/x`, `${name}/constructor`])
        expect((await refused(path))[0], path).to.equal(404);
      expect((await httpRequest(`${url}fleet/queues/${name}/jobs`)).status).to.equal(401);
      expect((await httpRequest(`${url}fleet/queues/${name}/jobs`, json, 'POST')).status).to.equal(405);
      // Reading creates no queue.
      expect((await fleet.state()).queues.map((each) => each.name)).not.to.include('nothing');
    });

    it('not at all without a fleet, or from one that only has a state', async () => {
      for (const fleet of [undefined, { state: () => Promise.resolve(exampleFleet()) }]) {
        const { get } = await inspect({ fleet });
        const { status, body } = await get('emails/jobs');
        expect([status, body.error]).to.deep.equal([
          404,
          'The inspector has no fleet with queues: pass it as inspector({ fleet })',
        ]);
      }
    });

    it('with the message of an error, and none of its fields', async () => {
      const error = Object.assign(new Error('no database'), { query: 'select secret' });
      const queue = emptyQueue({ jobs: () => Promise.reject(error) });
      const source = { state: () => Promise.resolve(exampleFleet()), queue: () => queue };
      const { get } = await inspect({ fleet: source });
      const { status, text } = await get('emails/jobs');
      expect([status, JSON.parse(text)]).to.deep.equal([503, { error: 'The fleet does not answer: no database' }]);
    });
  });

  describe('are operated', () => {
    it('by the pause and the end of the pause, for somebody', async () => {
      const queue = await newQueue();
      const { post, operations, url } = await inspect({ actions: true });
      const pausedBy = async () => (await fleet.state()).queues.find(({ name }) => name === queue.name)?.paused?.by;
      const pause = { action: 'pause-queue', queue: queue.name, by: 'ann' };
      expect(await post(pause)).to.deep.equal([200, pause]);
      expect(await pausedBy()).to.equal('ann');
      // The state of the fleet is shared for a second.
      await waitUntil(async () => (await httpRequest(`${url}fleet`, headers)).body.includes('"paused":{"by":"ann"'));
      const resume = { action: 'resume-queue', queue: queue.name };
      expect(await post(resume)).to.deep.equal([200, resume]);
      expect(await pausedBy()).to.equal(undefined);
      await post({ action: 'pause-queue', queue: queue.name });
      expect(await pausedBy()).to.equal('inspector');
      expect(operations()).to.deep.equal([
        `inspector: pause-queue ${queue.name} by ann`,
        `inspector: resume-queue ${queue.name} by inspector`,
        `inspector: pause-queue ${queue.name} by inspector`,
      ]);
    });

    it('job by job: promoted, retried and removed', async () => {
      const queue = await newQueue<number>();
      const id = await queue.enqueue(1, { delay: hour });
      const { post, operations } = await inspect({ actions: true });
      const act = (action: string, job = id) => post({ action, queue: queue.name, job, by: 'ann' });
      expect(await act('promote-job')).to.deep.equal([
        200,
        { action: 'promote-job', queue: queue.name, job: id, by: 'ann' },
      ]);
      expect((await queue.job(id))?.state).to.equal('waiting');
      expect(await act('promote-job')).to.deep.equal([
        409,
        { error: `${queue.name} has no job ${id} that waits for its time or for its next attempt` },
      ]);
      expect((await act('retry-job'))[0]).to.equal(409);
      await queue.cancel(id);
      expect((await act('retry-job'))[0]).to.equal(200);
      expect((await queue.job(id))?.state).to.equal('retrying');
      expect((await act('remove-job'))[0]).to.equal(200);
      expect(await queue.job(id)).to.equal(undefined);
      expect((await act('remove-job'))[0]).to.equal(409);
      expect((await act('remove-job', randomUUID()))[0]).to.equal(409);
      // An action that has changed nothing is no event.
      expect(operations()).to.deep.equal(
        ['promote-job', 'retry-job', 'remove-job'].map((action) => `inspector: ${action} ${queue.name}/${id} by ann`),
      );
    });

    it('by a redrive of chosen dead letters, or of all', async () => {
      const queue = await newQueue<number>();
      let fails = true;
      const { post, operations, get } = await inspect(
        { actions: true },
        queue.worker((n) => {
          if (fails) throw new Error('no');
          return n;
        }),
      );
      await queue.enqueueMany([1, 2, 3]);
      await waitUntil(async () => (await queue.deadLetters()).length === 3);
      const { deadLetters } = (await get(`${queue.name}/dead-letters`)).body;
      fails = false;
      const ids = deadLetters.slice(1, 2).map(({ id }) => id);
      expect(await post({ action: 'redrive', queue: queue.name, ids })).to.deep.equal([
        200,
        { action: 'redrive', queue: queue.name, ids, count: 1 },
      ]);
      expect((await queue.deadLetters()).map(({ id }) => id)).to.have.members([deadLetters[0]?.id, deadLetters[2]?.id]);
      expect((await post({ action: 'redrive', queue: queue.name, by: 'ann' }))[1]).to.include({ count: 2 });
      expect(await queue.deadLetters()).to.deep.equal([]);
      expect(operations()).to.deep.equal([
        `inspector: redrive ${queue.name} (1) by inspector`,
        `inspector: redrive ${queue.name} (2) by ann`,
      ]);
    });

    it('with the actions in the snapshot, and not without `actions`', async () => {
      const queue = await newQueue();
      const actionsAt = async (url: string) =>
        (JSON.parse((await httpRequest(`${url}snapshot`, headers)).body) as { actions?: string[] }).actions;
      const { url } = await inspect({ actions: true });
      expect(await actionsAt(url)).to.include.members([
        'redrive',
        'pause-queue',
        'resume-queue',
        'retry-job',
        'promote-job',
        'remove-job',
      ]);
      const readOnly = await inspect();
      expect(await actionsAt(readOnly.url)).to.equal(undefined);
      const [status, { error }] = await readOnly.post({ action: 'pause-queue', queue: queue.name });
      expect([status, error]).to.deep.equal([405, 'The inspector is read-only: expected GET or HEAD']);
    });

    it('with a clear refusal of a body that is not as documented', async () => {
      const queue = await newQueue();
      const { name } = queue;
      const { post, operations } = await inspect({ actions: true });
      const refused = async (body: object) => {
        const [status, { error }] = await post(body);
        expect(status, String(error)).to.equal(400);
        return error;
      };
      const id = randomUUID();
      expect(await refused({ action: 'pause-queue' })).to.equal('Expected `queue` to be a string, got undefined');
      expect(await refused({ action: 'pause-queue', queue: 'a b' })).to.match(
        /^Expected `name` to be up to 100 letters/,
      );
      expect(await refused({ action: 'pause-queue', queue: name, job: id })).to.match(
        /^Expected a member of `body`, .* Known members: `action`, `queue`, `by`/,
      );
      expect(await refused({ action: 'retry-job', queue: name })).to.equal(
        'Expected `job` to be a string, got undefined',
      );
      expect(await refused({ action: 'retry-job', queue: name, job: '1' })).to.match(
        /^Expected `job` to be the id of a job/,
      );
      expect(await refused({ action: 'redrive', queue: name, ids: id })).to.match(/^Expected `ids` to be an array/);
      expect(await refused({ action: 'redrive', queue: name, ids: ['1'] })).to.match(
        /^Expected `ids` to be the id of a job/,
      );
      for (const by of ['', ' ', 1, null, 'x'.repeat(201)])
        expect(await refused({ action: 'pause-queue', queue: name, by })).to.match(/^Expected `by` to be /);
      expect(await refused({ action: 'pause-queue', path: name })).to.match(/^Expected (a member of )?`body`/);
      const unknown = { action: 'pause-queue', queue: 'nothing' };
      expect(await post(unknown)).to.deep.equal([404, { error: 'There is no queue nothing' }]);
      expect((await fleet.state()).queues.map((each) => each.name)).not.to.include('nothing');
      expect(operations()).to.deep.equal([]);
    });

    it('with 503 while the fleet does not answer, and nothing is performed', async () => {
      let paused = 0;
      const queue = emptyQueue({ pause: () => Promise.resolve().finally(() => paused++) });
      const source = { state: () => Promise.reject(new Error('no database')), queue: () => queue };
      const { post, operations } = await inspect({ fleet: source, actions: true });
      expect(await post({ action: 'pause-queue', queue: 'emails' })).to.deep.equal([
        503,
        { error: 'The fleet does not answer: no database' },
      ]);
      expect([paused, operations()]).to.deep.equal([0, []]);
    });

    it('with 202 if the database has no answer for 5 s, and an event when it is done', async () => {
      let resume: () => void = () => undefined;
      const queue = emptyQueue({ resume: () => new Promise((resolve) => (resume = resolve)) });
      const source = { state: () => Promise.resolve(exampleFleet()), queue: () => queue };
      const { post, operations } = await inspect({ fleet: source, actions: true });
      const request = { action: 'resume-queue', queue: 'emails' };
      expect(await post(request)).to.deep.equal([202, { ...request, pending: true }]);
      expect(operations()).to.deep.equal([]);
      resume();
      await waitUntil(() => operations().length === 1);
      expect(operations()).to.deep.equal(['inspector: resume-queue emails by inspector']);
    });
  });
});
