import { expect } from 'chai';
import { lastValueFrom } from 'rxjs';
import {
  JobError,
  UnrecoverableError,
  type Fleet,
  type Job,
  type JobEvent,
  type Queue,
  type SubmitOptions,
} from 'rxjs-tasks/fleet';
import { TestApplications } from '../../helpers/test-applications.js';
import { deferred } from '../../helpers/tasks.js';
import type { TestFleets } from '../../helpers/test-fleets.js';

const hour = 3_600_000;
const unknownJob = 'aaaaaaaa-aaaa-4aaa-aaaa-aaaaaaaaaaaa';

/** The part of a queue that reads jobs. */
type Stored = Pick<Queue<unknown, unknown>, 'name' | 'job' | 'result'>;

/** Returns what a handler has got. */
const received = (input: unknown, _: unknown, { outputs, attempt }: Job) => ({ input, outputs, attempt });

/** Specifies jobs that wait for other jobs, wherever they are stored. Closes the fleets at the end of its suite. */
export function describeDependencies(fleets: TestFleets): void {
  let fleet: Fleet;
  let other: Fleet;
  let queues = 0;
  const newQueue = <In, Out = unknown>(options = {}) => fleet.queue<In, Out>(`flows-${++queues}`, options);
  const apps = new TestApplications(fleets);
  const run = apps.run;
  const errorOf = (result: Promise<unknown>) => result.catch((error: unknown) => error) as Promise<Error>;
  const stateOf = async (queue: Stored, id: string) => (await queue.job(id))?.state;
  const failureOf = async (queue: Stored, id: string) => {
    const error = await errorOf(lastValueFrom(queue.result(id)));
    expect(error).to.be.instanceOf(JobError);
    return (error as JobError).failure;
  };

  before(async () => {
    fleet = await fleets.connect({ name: 'one' });
    other = await fleets.connect({ name: 'two' });
  });
  afterEach(() => apps.stop());
  after(() => fleets.close());

  it('is blocked until all of them have completed, and gets their outputs in the order of `after`', async () => {
    const [numbers, texts, last] = [newQueue<number, number>(), newQueue<string, string>(), newQueue<string>()];
    const [one, two] = await numbers.enqueueMany([1, 2]);
    const text = await texts.enqueue('a');
    const after = [text, String(two), String(one), text];
    const job = await last.enqueue('x', { after });
    expect(await last.job(job)).to.deep.include({ state: 'blocked', after, attempt: 0, input: 'x' });
    expect((await last.jobs({ state: 'blocked' })).map(({ id }) => id)).to.deep.equal([job]);
    const starts: string[] = [];
    last.events$.subscribe(({ type }) => type === 'started' && starts.push('last'));
    run(
      last.worker(received),
      numbers.worker((n) => n * 10),
    );
    await Promise.all([one, two].map((id) => lastValueFrom(numbers.result(String(id)))));
    expect([await stateOf(last, job), starts]).to.deep.equal(['blocked', []]);
    run(other.queue<string, string>(texts.name).worker((letter) => letter.toUpperCase()));
    expect(await lastValueFrom(last.result(job))).to.deep.equal({
      input: 'x',
      outputs: ['A', 20, 10, 'A'],
      attempt: 1,
    });
    expect(await last.job(job)).to.deep.include({ state: 'completed', after });
  });

  it('gets the outputs in later attempts and after a redrive, and none without `after`', async () => {
    const [first, last] = [newQueue<number, number>(), newQueue<number>({ retries: 1, backoff: { initial: 0 } })];
    const outputs: unknown[] = [];
    let failing = true;
    run(
      first.worker((n) => n),
      last.worker((n, _, job) => {
        outputs.push(job.outputs);
        if (failing) throw new Error('no');
        return n;
      }),
    );
    const after = [await first.enqueue(1)];
    const job = await last.enqueue(1, { after });
    expect(await failureOf(last, job)).to.deep.equal({ name: 'Error', message: 'no' });
    failing = false;
    expect(await last.redrive()).to.equal(1);
    await fleets.waitUntil(() => outputs.length === 3);
    expect(await lastValueFrom(last.submit(2, { after: [] }))).to.equal(2);
    expect(outputs).to.deep.equal([[1], [1], [1], []]);
  });

  it('runs at once after jobs that have completed, and counts its delay from its submission', async () => {
    const [first, last] = [newQueue<number, number>(), newQueue<number>()];
    run(
      first.worker((n) => n),
      last.worker(received),
    );
    const id = await first.enqueue(7);
    await lastValueFrom(first.result(id));
    const job = await last.enqueue(1, { after: [id], delay: hour });
    expect(await last.job(job)).to.deep.include({ state: 'delayed', after: [id] });
    expect(await last.promote(job)).to.equal(true);
    expect(await lastValueFrom(last.result(job))).to.deep.include({ outputs: [7] });
    expect(await lastValueFrom(last.submit(1, { after: [id] }))).to.deep.include({ outputs: [7] });
    const waiting = await first.enqueue(8, { delay: 500 });
    const delayed = await last.enqueue(1, { after: [waiting], delay: hour });
    await lastValueFrom(first.result(waiting));
    await fleets.waitUntil(async () => (await stateOf(last, delayed)) === 'delayed');
    const { createdAt, dueAt } = (await last.job(delayed)) ?? {};
    expect(Number(dueAt) - Number(createdAt)).to.equal(hour);
  });

  describe('of which one', () => {
    it('fails after its last attempt, fails with the same failure, as do those that wait for it', async () => {
      const first = newQueue<number>({ retries: 1, backoff: { initial: 0 } });
      const [second, third] = [newQueue<number>(), newQueue<number>()];
      const gate = deferred<undefined>();
      run(
        first.worker(async (_, __, { attempt }) => {
          if (attempt === 2) await gate.promise;
          throw new TypeError(`attempt ${attempt}`);
        }),
        second.worker(received),
        other.queue<number>(third.name).worker(received),
      );
      const failed: JobEvent[] = [];
      other.events$.subscribe((event) => {
        if (event.type === 'failed' && event.queue !== first.name) failed.push(event);
      });
      const id = await first.enqueue(1);
      await fleets.waitUntil(async () => (await first.job(id))?.attempt === 2);
      const child = await second.enqueue(1, { after: [id] });
      const submitted = errorOf(lastValueFrom(third.submit(1, { after: [child] })));
      await fleets.waitUntil(async () => (await third.jobs()).length === 1);
      expect(await stateOf(second, child)).to.equal('blocked');
      gate.resolve(undefined);
      const failure = { name: 'TypeError', message: 'attempt 2' };
      expect(await failureOf(second, child)).to.deep.equal(failure);
      expect(((await submitted) as JobError).failure).to.deep.equal(failure);
      expect(await second.job(child)).to.deep.include({ state: 'failed', failure, attempt: 0 });
      await fleets.waitUntil(() => failed.length === 2);
      for (const event of failed) expect(event).to.deep.include({ failure, attempt: 1 });
      expect([await second.deadLetters(), await third.deadLetters()]).to.deep.equal([[], []]);
      expect(await first.deadLetters()).to.have.length(1);
    });

    it('is cancelled or removed, fails with the error of that', async () => {
      const [first, last] = [newQueue<number>(), newQueue<number>()];
      const ids = await first.enqueueMany([1, 2], { delay: hour });
      const [cancelled = '', removed = ''] = ids;
      const children = await Promise.all(ids.map((id) => last.enqueue(1, { after: [id] })));
      expect([await first.cancel(cancelled), await first.remove(removed)]).to.deep.equal([true, true]);
      const failures = await Promise.all(children.map((id) => failureOf(last, id)));
      expect(failures).to.deep.equal([
        { name: 'JobCancelledError', message: `A job of ${first.name} was cancelled: ${cancelled}` },
        { name: 'JobDeletedError', message: `A job of ${first.name} was deleted: ${removed}` },
      ]);
    });

    it('has ended without completing, fails at once, with an id and an event', async () => {
      const [first, last] = [newQueue<number>(), newQueue<number>()];
      run(
        first.worker(() => {
          throw new UnrecoverableError('never');
        }),
        last.worker(received),
      );
      const id = await first.enqueue(1);
      const failure = await failureOf(first, id);
      const events: string[] = [];
      last.events$.subscribe((event) => events.push(event.type));
      const child = await last.enqueue(1, { after: [id] });
      expect(await last.job(child)).to.deep.include({ state: 'failed', failure, attempt: 0 });
      await fleets.waitUntil(() => events.length === 2);
      expect(events).to.deep.equal(['submitted', 'failed']);
      const submitted = await errorOf(lastValueFrom(last.submit(1, { after: [id] })));
      expect((submitted as JobError).failure).to.deep.equal(failure);
      const keyed = await errorOf(lastValueFrom(last.submit(1, { after: [id], key: 'k' })));
      expect((keyed as JobError).failure).to.deep.equal(failure);
    });

    it('fails, waits for all of them again when it is retried', async () => {
      const [first, last] = [newQueue<number, number>({ retries: 0 }), newQueue<number>()];
      let failing = true;
      run(
        first.worker((n) => {
          if (failing && n === 2) throw new Error('no');
          return n;
        }),
        last.worker(received),
      );
      const [one = '', two = ''] = await first.enqueueMany([1, 2], { delay: 100 });
      const child = await last.enqueue(1, { after: [one, two] });
      await failureOf(last, child);
      await lastValueFrom(first.result(one));
      // Its dependency has not been retried.
      expect(await last.retry(child)).to.equal(true);
      expect(await failureOf(last, child)).to.deep.equal({ name: 'Error', message: 'no' });
      failing = false;
      await first.pause();
      expect([await first.retry(two), await last.retry(child)]).to.deep.equal([true, true]);
      expect(await stateOf(last, child)).to.equal('blocked');
      await first.resume();
      expect(await lastValueFrom(last.result(child))).to.deep.equal({ input: 1, outputs: [1, 2], attempt: 1 });
    });
  });

  it('keeps its retries and its delay when it is retried before it was unblocked', async () => {
    const first = newQueue<number, number>({ retries: 0 });
    const last = newQueue<number>({ retries: 1, backoff: { initial: 0 } });
    const [one = ''] = await first.enqueueMany([1], { delay: hour });
    const options = { after: [one] };
    const ids = [await last.enqueue(1, options), await last.enqueue(2, { ...options, delay: hour })];
    const [failed = '', delayed = ''] = ids;
    await first.cancel(one);
    for (const id of ids) expect((await failureOf(last, id)).name).to.equal('JobCancelledError');
    expect(await first.retry(one)).to.equal(true);
    for (const id of ids) expect(await last.retry(id)).to.equal(true);
    expect(await last.job(failed))
      .to.include({ state: 'blocked' })
      .and.not.have.property('failure');
    const attempts: number[] = [];
    run(
      first.worker((n) => n),
      last.worker((_, __, { attempt }) => {
        attempts.push(attempt);
        throw new Error('no');
      }),
    );
    expect(await failureOf(last, failed)).to.deep.equal({ name: 'Error', message: 'no' });
    expect(attempts).to.deep.equal([1, 2]);
    await fleets.waitUntil(async () => (await stateOf(last, delayed)) === 'delayed');
    const { createdAt, dueAt } = (await last.job(delayed)) ?? {};
    expect(Number(dueAt) - Number(createdAt)).to.equal(hour);
  });

  it('gets an output whose job was deleted before the others completed, also when it is retried', async () => {
    const [first, last] = [newQueue<number, number>(), newQueue<number>()];
    const [one = '', two = ''] = await first.enqueueMany([1, 2], { delay: hour });
    const [child, cancelled] = await last.enqueueMany([1, 2], { after: [one, two] });
    run(
      first.worker((n) => n),
      last.worker(received),
    );
    await first.promote(one);
    await lastValueFrom(first.result(one));
    expect(await first.remove(one)).to.equal(true);
    expect(await last.cancel(String(cancelled))).to.equal(true);
    await first.promote(two);
    expect(await lastValueFrom(last.result(String(child)))).to.deep.include({ outputs: [1, 2] });
    await first.remove(two);
    expect(await last.retry(String(cancelled))).to.equal(true);
    expect(await lastValueFrom(last.result(String(cancelled)))).to.deep.include({ outputs: [1, 2] });
  });

  it('can be cancelled and removed, but not promoted', async () => {
    const [first, last, third] = [newQueue<number>(), newQueue<number>(), newQueue<number>()];
    const after = [await first.enqueue(1, { delay: hour })];
    const [one = '', two = ''] = await last.enqueueMany([1, 2], { after });
    const children = [await third.enqueue(1, { after: [one] }), await third.enqueue(1, { after: [two] })];
    expect([await last.promote(one), await stateOf(last, one)]).to.deep.equal([false, 'blocked']);
    const delayed = await last.enqueue(1, { after, delay: hour });
    expect([await last.promote(delayed), await stateOf(last, delayed)]).to.deep.equal([false, 'blocked']);
    expect([await last.cancel(one), await last.remove(two)]).to.deep.equal([true, true]);
    expect([await stateOf(last, one), await last.job(two)]).to.deep.equal(['cancelled', undefined]);
    expect((await failureOf(third, String(children[0]))).name).to.equal('JobCancelledError');
    expect((await failureOf(third, String(children[1]))).name).to.equal('JobDeletedError');
  });

  it('is cancelled by unsubscribing', async () => {
    const [first, last] = [newQueue<number>(), newQueue<number>()];
    const after = [await first.enqueue(1, { delay: hour })];
    const subscription = last.submit(1, { after }).subscribe();
    await fleets.waitUntil(async () => (await last.jobs()).length === 1);
    subscription.unsubscribe();
    await fleets.waitUntil(async () => (await last.jobs({ state: 'cancelled' })).length === 1);
  });

  it('keeps a key while it is blocked, and takes no room of its queue', async () => {
    const [first, last] = [newQueue<number>(), newQueue<number>({ maxWaiting: 1 })];
    const after = [await first.enqueue(1, { delay: hour })];
    const ids = [await last.enqueue(1, { after, key: 'k' }), await last.enqueue(2, { key: 'k' })];
    expect(new Set(ids).size).to.equal(1);
    await last.enqueue(3, { after });
    const state = async () => (await fleet.state()).queues.find(({ name }) => name === last.name);
    expect(await state())
      .to.deep.include({ waiting: 2, blocked: 2, running: 0, dead: 0 })
      .and.not.have.property('oldestMs');
    await last.enqueue(4);
    expect((await state())?.oldestMs).to.be.a('number');
  });

  it('is refused if a job does not exist, and does not affect those that are submitted with it', async () => {
    const [first, last] = [newQueue<number>(), newQueue<number>()];
    const after = [await first.enqueue(1, { delay: hour })];
    await last.enqueue(0);
    const [good, bad] = await Promise.allSettled([
      last.enqueue(1, { after }),
      last.enqueue(2, { after: [...after, unknownJob], key: 'k' }),
    ]);
    expect(good.status).to.equal('fulfilled');
    const message = `Expected \`after\` to be ids of jobs of the fleet, got \`'${unknownJob}'\` (string)`;
    expect(bad).to.deep.include({ status: 'rejected' });
    expect(String((bad as PromiseRejectedResult).reason)).to.equal(`RangeError: ${message}`);
    expect(await errorOf(lastValueFrom(last.submit(3, { after: [unknownJob] })))).to.be.instanceOf(RangeError);
    expect(await last.jobs()).to.have.length(2);
    // A dead letter is no job to wait for.
    const failing = newQueue<number>({ retries: 0 });
    run(
      failing.worker(() => {
        throw new Error('no');
      }),
    );
    await failureOf(failing, await failing.enqueue(1));
    const [letter] = await failing.deadLetters();
    expect(await errorOf(last.enqueue(1, { after: [letter?.id ?? ''] }))).to.be.instanceOf(RangeError);
  });

  it('is refused with anything else than ids', async () => {
    const queue = newQueue<number>();
    const [refused, ranges] = [
      [{}, 'x', 7, [1], [undefined]],
      [[''], ['x'], Array.from({ length: 1001 }, () => unknownJob)],
    ];
    for (const after of [...refused, ...ranges]) {
      const type = refused.includes(after) ? TypeError : RangeError;
      expect(() => queue.submit(1, { after } as SubmitOptions)).to.throw(type, /`after`/);
      expect(await errorOf(queue.enqueue(1, { after } as SubmitOptions))).to.be.instanceOf(type);
    }
    const after = [unknownJob];
    const result = errorOf(lastValueFrom(queue.submit(1, { after })));
    // Has been read.
    after.pop();
    expect(await result).to.be.instanceOf(RangeError);
  });
}
