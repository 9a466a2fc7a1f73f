import { expect } from 'chai';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom, lastValueFrom, take, tap, toArray } from 'rxjs';
import { taskRunner, withCancel, type Outcome, type SimpleTask } from 'rxjs-tasks';
import { download, listener, poller, tail, ticker, watcher } from '../../examples/recipes/abort-signals.js';
import { events } from '../helpers/tasks.js';

/** Runs a task until it has yielded `count` values, then cancels it. */
async function cancelledAfter<T>(count: number, task: SimpleTask<T>): Promise<{ values: T[]; outcome: Outcome }> {
  const runner = taskRunner(task);
  const emitted = events(runner);
  const [ctx, cancel] = withCancel();
  const values: T[] = [];
  runner.start(ctx).subscribe((value) => {
    if (values.push(value) === count) cancel();
  });
  if (count === 0) cancel();
  const outcome = await firstValueFrom(runner.done$);
  expect(emitted.map(({ type }) => type)).not.to.include('result-dropped');
  return { values, outcome };
}

describe('An API that takes an AbortSignal, as a task,', () => {
  let server: Server;
  let url: string;
  /** Answers a request to the server. */
  let answer: (response: ServerResponse) => unknown;

  beforeEach(async () => {
    server = createServer((_, response) => answer(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    await once(server.close(), 'close');
  });

  it('fetches a URL', async () => {
    answer = (response) => response.end('a page');
    expect(await lastValueFrom(taskRunner(download(url)).start())).to.equal('a page');
  });

  it('fails with the rejection of fetch, and with an error status', async () => {
    answer = (response) => response.writeHead(404).end();
    const failureOf = (task: SimpleTask) =>
      lastValueFrom(taskRunner(task).start()).catch((error: unknown) => (error as Error).message);
    expect(await failureOf(download(url))).to.equal(`download failed in execute: ${url} answers 404`);
    expect(await failureOf(download('http://127.0.0.1:1'))).to.equal('download failed in execute: fetch failed');
  });

  it('aborts a pending request', async () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(download(url));
    const aborted = new Promise((resolve) => {
      answer = (response) => {
        response.on('close', resolve);
        cancel();
      };
    });
    runner.start(ctx).subscribe();
    expect((await firstValueFrom(runner.done$)).status).to.equal('cancelled');
    await aborted;
  });

  it('polls, and a cancel interrupts the wait', async () => {
    let asked = 0;
    const { values, outcome } = await cancelledAfter(
      1,
      poller(60_000, () => Promise.resolve(++asked)),
    );
    expect([values, outcome.status]).to.deep.equal([[1], 'cancelled']);
  });

  it('polls repeatedly until it is unsubscribed', async () => {
    let asked = 0;
    const answers$ = taskRunner(poller(1, () => Promise.resolve(++asked))).start();
    expect(await lastValueFrom(answers$.pipe(take(3), toArray()))).to.deep.equal([1, 2, 3]);
  });

  it('watches a directory', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'watched-'));
    try {
      const changes$ = taskRunner(watcher(directory)).start();
      const change = firstValueFrom(changes$);
      await writeFile(join(directory, 'a.txt'), '');
      expect(await change).to.deep.include({ eventType: 'rename', filename: 'a.txt' });
      const { outcome } = await cancelledAfter(0, watcher(directory));
      expect(outcome.status).to.equal('cancelled');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('listens to an emitter, and leaves no listener behind', async () => {
    const emitter = new EventEmitter();
    const received = cancelledAfter(2, listener(emitter, 'spoken'));
    emitter.emit('spoken', 'a', 1);
    emitter.emit('spoken', 'b', 2);
    const { values, outcome } = await received;
    expect(values).to.deep.equal([
      ['a', 1],
      ['b', 2],
    ]);
    expect(outcome.status).to.equal('cancelled');
    expect(emitter.eventNames()).to.deep.equal([]);
  });

  it('fails when the emitter emits an error', async () => {
    const emitter = new EventEmitter();
    const runner = taskRunner(listener(emitter, 'spoken'));
    const failure = lastValueFrom(runner.start()).catch((error: unknown) => (error as Error).message);
    emitter.emit('error', new Error('gone'));
    expect(await failure).to.equal('listener failed in execute: gone');
  });

  it('ticks until it is cancelled', async () => {
    const { values, outcome } = await cancelledAfter(3, ticker(1));
    expect([values.length, outcome.status]).to.deep.equal([3, 'cancelled']);
  });

  it('yields a response as it arrives', async () => {
    let sending: ServerResponse | undefined;
    answer = (response) => (sending = response).write('first');
    const text$ = taskRunner(tail(url)).start();
    const parts = text$.pipe(
      tap((part) => part === 'first' && sending?.end('last')),
      toArray(),
    );
    expect(await lastValueFrom(parts)).to.deep.equal(['first', 'last']);
  });

  it('aborts a response that has not ended', async () => {
    const aborted = new Promise((resolve) => {
      answer = (response) => response.on('close', resolve).write('first');
    });
    const { values, outcome } = await cancelledAfter(1, tail(url));
    expect([values, outcome.status]).to.deep.equal([['first'], 'cancelled']);
    await aborted;
  });
});
