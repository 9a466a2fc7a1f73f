import { expect } from 'chai';
import { filter, firstValueFrom, lastValueFrom, mergeMap, range, toArray } from 'rxjs';
import { launch, withCancel, type Application, type Runnable } from 'rxjs-tasks';
import { JobCancelledError, JobError, type Fleet } from 'rxjs-tasks/fleet';
import type { LinkedList, ListNode } from '../../lib/util/linked-list.js';
import { CancelContext } from '../../lib/context/cancel-context.js';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { pause } from '../helpers/programs.js';

/** How much hangs on a context. */
function weight(scope: LinkedList): number {
  let sum = 0;
  for (let link: ListNode | undefined = scope.first; link; link = link.nextNode)
    sum += 1 + (link instanceof CancelContext ? weight(link) : 0);
  return sum;
}

describe('a worker', () => {
  const fleets = new Fleets();
  let fleet: Fleet;
  let names = 0;
  const apps: Application[] = [];
  const name = () => `hostile-${++names}`;
  const run = (...runnables: Runnable[]) => void apps.push(launch(runnables));
  const failed = (job: Promise<unknown>) => job.catch((error: unknown) => error) as Promise<JobError>;

  before(async () => {
    fleet = await fleets.connect();
  });
  after(() => fleets.close());
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
  });

  it('outlives outputs that the database cannot hold', async () => {
    const queue = fleet.queue<string, string>(name(), { retries: 0 });
    run(queue.worker((text) => (text === 'NUL' ? 'a\0b' : text === 'half' ? '\ud83d' : text), { concurrency: 3 }));
    for (const bad of ['NUL', 'half']) {
      const { failure } = await failed(lastValueFrom(queue.submit(bad)));
      expect(failure.name).to.equal('TypeError');
      expect(failure.message).to.equal('Expected `output` to be JSON without NUL and half surrogates in its text');
    }
    expect(await lastValueFrom(queue.submit('\\u0000 😀'))).to.equal('\\u0000 😀');
  });

  it('outlives whatever is thrown', async () => {
    const thrown: [unknown, string, string][] = [
      [new Error('a\0b'), 'Error', 'a\ufffdb'],
      [new Error(`${'x'.repeat(999)}😀`), 'Error', `${'x'.repeat(999)}\ufffd`],
      [Object.assign(new Error('m'), { name: 'n'.repeat(9000) }), 'n'.repeat(100), 'm'],
      [{ message: { no: 'text' } }, 'object', '[object Object]'],
      [{ message: null, name: 1 }, 'object', '[object Object]'],
      [Object.create(null), 'object', 'object'],
      [undefined, 'undefined', 'undefined'],
    ];
    const queue = fleet.queue<number>(name(), { retries: 0 });
    run(
      queue.worker((n) => {
        throw thrown[n]?.[0];
      }),
    );
    for (const [n, [, is, message]] of thrown.entries())
      expect((await failed(lastValueFrom(queue.submit(n)))).failure).to.deep.equal({ name: is, message });
  });

  it('gets no input that the database cannot hold, and those written with it are not lost', async () => {
    const queue = fleet.queue<string, string>(name());
    run(queue.worker((text) => text));
    const bad = failed(lastValueFrom(queue.submit('a\0b')));
    expect(await lastValueFrom(queue.submit('good'))).to.equal('good');
    expect(await bad).to.be.instanceOf(TypeError);
  });

  it('does not mind what others write to its channels', async () => {
    const queue = fleet.queue<number, number>(name());
    run(queue.worker((n) => n));
    expect(await lastValueFrom(queue.submit(1))).to.equal(1);
    const url = await sharedUrl();
    for (const text of ['', 'garbage', 'null', '1', '{"type":"failed","queue":"q","job":"j"}', '{}'])
      for (const channel of [fleets.schema, `${fleets.schema}$events`])
        await statement(url, `notify "${channel}", 'somebody${text}'`);
    expect(await lastValueFrom(queue.submit(2))).to.equal(2);
  });

  it('frees the place of a job that has left and is still not over at its timeout once', async () => {
    const queue = fleet.queue<number, number>(name(), { retries: 0, timeout: 500 });
    let [now, most] = [0, 0];
    run(
      queue.worker(async (n) => {
        if (n === 0) await pause(1500);
        most = Math.max(most, ++now);
        await pause(100);
        now--;
        return n;
      }),
    );
    const started = firstValueFrom(queue.events$.pipe(filter(({ type }) => type === 'started')));
    const first = failed(lastValueFrom(queue.submit(0)));
    await queue.cancel((await started).job);
    expect(await first).to.be.instanceOf(JobCancelledError);
    await pause(700);
    await lastValueFrom(range(1, 4).pipe(mergeMap((n) => queue.submit(n))));
    expect(most).to.equal(1);
    await pause(1000);
  });

  it('keeps nothing of the jobs that are over', async () => {
    const queue = fleet.queue<number, number>(name());
    const [ctx, cancel] = withCancel();
    const ended = lastValueFrom(
      queue
        .worker((n) => n, { concurrency: 10 })
        .start(ctx)
        .pipe(toArray()),
    );
    await lastValueFrom(queue.submit(0));
    await pause(50);
    const before = weight(ctx as unknown as LinkedList);
    await lastValueFrom(range(1, 50).pipe(mergeMap((n) => queue.submit(n))));
    await pause(50);
    expect(weight(ctx as unknown as LinkedList)).to.equal(before);
    cancel();
    await ended;
  });
});
