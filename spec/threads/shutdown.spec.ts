import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { launch, ordered, task, withCancel } from '../../lib/index.js';
import { PoolClosedError, threadPool } from '../../lib/threads/index.js';
import { collect } from '../helpers/collect.js';
import { Program, type Ended } from '../helpers/program.js';
import { all, failure, shared, until, work } from '../helpers/threads.js';

const path = fileURLToPath(new URL('../fixtures/threads/app.ts', import.meta.url));

function start(name: string): Program {
  return new Program(process.execPath, ['--import', 'tsx', path, name]);
}

async function terminated(name: string): Promise<Ended> {
  const program = start(name);
  await program.says('up');
  program.kill('SIGTERM');
  return program.ended;
}

describe('A pool of threads that is ended', function () {
  this.timeout(20_000);

  it('waits for what is under way, and for what waits for a thread, and refuses all else', async () => {
    const pool = threadPool({ threads: 1 });
    const [ctx, cancel] = withCancel();
    const told = collect(pool.start(ctx));
    const numbers = shared();
    const [running, waiting] = [all(pool, 'waitFor', numbers), all(pool, 'default', 1)];
    await until(() => Atomics.load(numbers, 1) === 1);

    cancel(new Error('over'));
    expect(pool.status).to.equal('finalizing');
    const refused = await failure(pool, 'default', 2);
    expect(refused).to.be.instanceOf(PoolClosedError).and.have.nested.property('cause.message', 'over');
    Atomics.store(numbers, 0, 1);
    expect(await Promise.all([running, waiting])).to.deep.equal([['undisturbed'], [2]]);
    expect(await firstValueFrom(pool.done$)).to.include({ task: 'threads', status: 'cancelled' });
    expect(told).to.deep.equal(['complete']);
    expect(await failure(pool, 'default', 3)).to.be.instanceOf(PoolClosedError);
  });

  it('does not wait for a run that has been left', async () => {
    const pool = threadPool({ threads: 1 });
    const [ctx, cancel] = withCancel();
    pool.start(ctx).subscribe();
    const numbers = shared();
    const [running, waiting] = [pool.run(work, numbers, { name: 'spin' }), pool.run(work, 1)].map((one) =>
      one.subscribe(),
    );
    await until(() => Atomics.load(numbers, 0) > 0);
    cancel();
    waiting?.unsubscribe();
    expect(pool.status).to.equal('finalizing');
    running?.unsubscribe();
    expect(await firstValueFrom(pool.done$)).to.include({ status: 'cancelled' });
  });

  it('can be started again', async () => {
    const pool = threadPool({ threads: 1 });
    for (let i = 0; i < 2; i++) {
      const subscription = pool.start().subscribe();
      expect(await all(pool, 'runsHere')).to.deep.equal([1]);
      subscription.unsubscribe();
      await firstValueFrom(pool.done$);
    }
    expect(await failure(pool, 'runsHere')).to.be.instanceOf(PoolClosedError);
  });

  it('ends after those that use it, in an ordered group', async () => {
    const pool = threadPool({ threads: 1 });
    const results: unknown[] = [];
    const user = task('user', {
      execute: (ctx) => firstValueFrom(ctx.cancelled$),
      finalize: async () => results.push(await lastValueFrom(pool.run(work, 21))),
    });
    const { clean, outcomes } = await launch([ordered('app', pool, user)]).stop();
    expect(results).to.deep.equal([42]);
    expect(clean).to.equal(true);
    expect(outcomes[0]?.members?.map(({ task, status }) => `${task} ${status}`)).to.deep.equal([
      'app/threads cancelled',
      'app/user cancelled',
    ]);
  });

  it('closes by hand, more than once, and without having been used', async () => {
    const pool = threadPool({ threads: 1 });
    const numbers = shared();
    const running = all(pool, 'waitFor', numbers);
    await until(() => Atomics.load(numbers, 1) === 1);
    const closed = Promise.all([pool.close(), pool.close(), pool[Symbol.asyncDispose]()]);
    Atomics.store(numbers, 0, 1);
    expect(await running).to.deep.equal(['undisturbed']);
    await closed;
    await threadPool().close();
  });

  describe('in a process that gets a SIGTERM', () => {
    it('delivers what a task awaits, and exits cleanly', async () => {
      const { code, stdout, stderr } = await terminated('patient');
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(stdout).to.include('first undisturbed\nsecond 42\nStopped by SignalError: Received SIGTERM. Clean');
    });

    it('ends the busy loop of a task that is cut, and exits cleanly', async () => {
      const { code, stdout, stderr } = await terminated('impatient');
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(stdout)
        .to.match(/Clean/)
        .and.match(/threads +cancelled/)
        .and.match(/impatient +cancelled/);
    });

    it('refuses one run more as part of the cancel: the task counts as cancelled', async () => {
      const { code, stdout, stderr } = await terminated('late');
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(stdout).to.match(/late +cancelled/);
    });

    it('runs what a task’s finalize asks for, in an ordered group', async () => {
      const { code, stdout } = await terminated('user');
      expect(code).to.equal(0);
      expect(stdout).to.include('up\nfinalize 42\nStopped');
    });

    it('is named when it does not come to an end', async () => {
      const { code, stderr } = await terminated('hanging');
      expect(code).to.equal(1);
      expect(stderr).to.include('Not ended within 300 ms of the cancel, exiting with 1: threads (finalize)');
    });
  });

  it('does not keep a process open that has not ended it', async () => {
    const { code, stdout, stderr } = await start('script').ended;
    expect([code, stdout, stderr]).to.deep.equal([0, '42\n', '']);
  });
});
