import { expect } from 'chai';
import { lastValueFrom, mergeMap, range, toArray } from 'rxjs';
import { launch, withCancel, type Application, type Runnable } from 'rxjs-tasks';
import { JobCancelledError, type Fleet, type JobError } from 'rxjs-tasks/fleet';
import { CancelContext } from '../../lib/context/cancel-context.js';
import type { LinkedList, ListNode } from '../../lib/util/linked-list.js';
import { Fleets, nextEvent, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { deferred } from '../helpers/tasks.js';
import { pause, waitUntil } from '../helpers/wait.js';

/** Counts the listeners and children of a context, at all depths. */
function countNodes(list: LinkedList): number {
  let count = 0;
  for (let node: ListNode | undefined = list.first; node; node = node.nextNode)
    count += 1 + (node instanceof CancelContext ? countNodes(node) : 0);
  return count;
}

describe('a worker', () => {
  const fleets = new Fleets();
  let fleet: Fleet;
  let queues = 0;
  const apps: Application[] = [];
  const newName = () => `robust-${++queues}`;
  const run = (...runnables: Runnable[]) => void apps.push(launch(runnables));
  const errorOf = (job: Promise<unknown>) => job.catch((error: unknown) => error) as Promise<JobError>;

  before(async () => {
    fleet = await fleets.connect();
  });
  after(() => fleets.close());
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
  });

  it('fails the attempt, and continues, after an output that the database cannot represent', async () => {
    const queue = fleet.queue<string, string>(newName(), { retries: 0 });
    run(queue.worker((text) => (text === 'NUL' ? 'a\0b' : text === 'lone' ? '\ud83d' : text), { concurrency: 3 }));
    for (const input of ['NUL', 'lone']) {
      const { failure } = await errorOf(lastValueFrom(queue.submit(input)));
      expect(failure.name).to.equal('TypeError');
      expect(failure.message).to.equal('Expected `output` to be JSON without NUL and lone surrogates in its strings');
    }
    expect(await lastValueFrom(queue.submit('\\u0000 😀'))).to.equal('\\u0000 😀');
  });

  it('fails the attempt, and continues, after any thrown value', async () => {
    const thrown: [unknown, string, string][] = [
      [new Error('a\0b'), 'Error', 'a\ufffdb'],
      [new Error(`${'x'.repeat(999)}😀`), 'Error', `${'x'.repeat(999)}\ufffd`],
      [Object.assign(new Error('m'), { name: 'n'.repeat(9000) }), 'n'.repeat(100), 'm'],
      [{ message: { no: 'text' } }, 'object', '[object Object]'],
      [{ message: null, name: 1 }, 'object', '[object Object]'],
      [Object.create(null), 'object', 'object'],
      [undefined, 'undefined', 'undefined'],
    ];
    const queue = fleet.queue<number>(newName(), { retries: 0 });
    run(
      queue.worker((n) => {
        throw thrown[n]?.[0];
      }),
    );
    for (const [n, [, name, message]] of thrown.entries())
      expect((await errorOf(lastValueFrom(queue.submit(n)))).failure).to.deep.equal({ name, message });
  });

  it('receives the valid jobs that are submitted together with one that the database cannot represent', async () => {
    const queue = fleet.queue<string, string>(newName());
    run(queue.worker((text) => text));
    const error = errorOf(lastValueFrom(queue.submit('a\0b')));
    expect(await lastValueFrom(queue.submit('good'))).to.equal('good');
    expect(await error).to.be.instanceOf(TypeError);
  });

  it('ignores text that other clients write to its channels', async () => {
    const queue = fleet.queue<number, number>(newName());
    run(queue.worker((n) => n));
    expect(await lastValueFrom(queue.submit(1))).to.equal(1);
    const url = await sharedUrl();
    for (const text of ['', 'garbage', 'null', '1', '{"type":"failed","queue":"q","job":"j"}', '{}'])
      for (const channel of [fleets.schema, `${fleets.schema}$events`])
        await statement(url, `notify "${channel}", 'somebody${text}'`);
    expect(await lastValueFrom(queue.submit(2))).to.equal(2);
  });

  it('releases the slot of a cancelled job once, even if its handler still runs at its timeout', async () => {
    const timeout = 500;
    const queue = fleet.queue<number, number>(newName(), { retries: 0, timeout });
    const cancelled = deferred<number>();
    let [running, maxRunning] = [0, 0];
    run(
      queue.worker(async (n) => {
        if (n === 0) return cancelled.promise;
        maxRunning = Math.max(maxRunning, ++running);
        await pause(100);
        running--;
        return n;
      }),
    );
    const started = nextEvent(queue.events$, 'started');
    const error = errorOf(lastValueFrom(queue.submit(0)));
    await queue.cancel((await started).job);
    expect(await error).to.be.instanceOf(JobCancelledError);
    await pause(timeout + 200);
    await lastValueFrom(range(1, 4).pipe(mergeMap((n) => queue.submit(n))));
    expect(maxRunning).to.equal(1);
    cancelled.resolve(0);
  });

  it('keeps nothing of ended jobs in its context', async () => {
    const queue = fleet.queue<number, number>(newName());
    const [ctx, cancel] = withCancel();
    const nodes = () => countNodes(ctx as unknown as LinkedList);
    const worker = queue.worker((n) => n, { concurrency: 10 });
    const ended = lastValueFrom(worker.start(ctx).pipe(toArray()));
    await lastValueFrom(worker.ready$.pipe(toArray()));
    const before = nodes();
    await lastValueFrom(range(0, 50).pipe(mergeMap((n) => queue.submit(n))));
    await waitUntil(() => nodes() === before);
    cancel();
    await ended;
  });
});
