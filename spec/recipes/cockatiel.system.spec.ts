import { BrokenCircuitError, TaskCancelledError } from 'cockatiel';
import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { taskRunner, withCancel, type TaskError } from 'rxjs-tasks';
import { patience, resilient, type Patience } from '../../examples/recipes/cockatiel.js';
import { deferred, events, settled } from '../helpers/tasks.js';

const usual: Patience = { tries: 3, initialDelay: 1, timeout: 5000, failures: 10, halfOpenAfter: 60_000 };

describe('A call under a cockatiel policy, as a task,', () => {
  let server: Server;
  let url: string;
  let requests: number;
  /** Returns the status for the request of this number; without one the request hangs. */
  let answer: (request: number) => number | undefined;

  beforeEach(async () => {
    requests = 0;
    server = createServer((_, response) => {
      const status = answer(++requests);
      if (status !== undefined) response.writeHead(status).end('fine');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    await once(server.close(), 'close');
  });

  async function get(signal: AbortSignal): Promise<string> {
    const response = await fetch(url, { signal });
    if (!response.ok) throw new Error(`It answers ${response.status}`);
    return response.text();
  }

  const run = (policy = patience(usual)) => lastValueFrom(taskRunner(resilient('prices', policy, get)).start());

  async function failureOf(running: Promise<unknown>): Promise<TaskError> {
    return running.then(
      () => expect.fail('It succeeded'),
      (error: unknown) => error as TaskError,
    );
  }

  it('is retried until it succeeds', async () => {
    answer = (request) => (request < 3 ? 503 : 200);
    expect(await run()).to.equal('fine');
    expect(requests).to.equal(3);
  });

  it('fails with the error of its last try', async () => {
    answer = () => 503;
    expect((await failureOf(run())).message).to.equal('prices failed in execute: It answers 503');
    expect(requests).to.equal(3);
  });

  it('is not made while the circuit is open, even if another task opened it', async () => {
    answer = () => 503;
    const policy = patience({ ...usual, tries: 1, failures: 2 });
    for (let call = 1; call <= 2; call++) await failureOf(run(policy));
    expect((await failureOf(run(policy))).cause).to.be.instanceOf(BrokenCircuitError);
    expect(requests).to.equal(2);
  });

  it('is aborted at the timeout of a try', async () => {
    const aborted = new Promise((resolve) => server.once('request', (request) => request.socket.on('close', resolve)));
    answer = () => undefined;
    const error = await failureOf(run(patience({ ...usual, tries: 1, timeout: 500 })));
    expect(error.cause).to.be.instanceOf(TaskCancelledError);
    expect(error.message).to.equal('prices failed in execute: Operation timed out after 500ms');
    await aborted;
  });

  it('is aborted and not retried when the task is cancelled, which is no failure', async () => {
    answer = () => undefined;
    const runner = taskRunner(resilient('prices', patience(usual), get));
    const emitted = events(runner);
    const [ctx, cancel] = withCancel();
    const aborted = new Promise((resolve) => {
      server.once('request', (request) => {
        request.socket.on('close', resolve);
        cancel();
      });
    });
    runner.start(ctx).subscribe();
    expect((await firstValueFrom(runner.done$)).status).to.equal('cancelled');
    await aborted;
    expect(requests).to.equal(1);
    expect(emitted.map(({ type }) => type)).to.deep.equal(['ready', 'cancelling', 'done']);
  });

  it('ends at once when it is cancelled between two tries', async () => {
    answer = () => 503;
    const policy = patience({ ...usual, initialDelay: 60_000 });
    const tried = deferred<undefined>();
    const call = (signal: AbortSignal) => get(signal).finally(() => tried.resolve(undefined));
    const runner = taskRunner(resilient('prices', policy, call));
    const [ctx, cancel] = withCancel();
    runner.start(ctx).subscribe();
    await tried.promise;
    await settled();
    cancel();
    expect((await firstValueFrom(runner.done$)).status).to.equal('cancelled');
  });
});
