import { expect } from 'chai';
import { finalize, lastValueFrom, NEVER, Observable, Subject, throwError } from 'rxjs';
import { background, CancelledError, launchRunner, task, TaskError, taskRunner, withCancel } from '../../lib/index.js';
import { collect, unhandledDuring } from '../helpers/collect.js';
import { writtenDuring } from '../helpers/console-spy.js';
import { outcomeOf, settled, throwing } from '../helpers/tasks.js';
import { loggingRunner } from './helpers.js';

describe('A failed run', () => {
  it('has the phase initialize, and calls finalize, when initialize throws, rejects or errors', async () => {
    const boom = new Error('boom');
    for (const initialize of [throwing(boom), () => Promise.reject(boom), () => throwError(() => boom)]) {
      const log: string[] = [];
      const runner = loggingRunner(log, { initialize });
      const received = collect(runner.start());
      const { status, error } = await lastValueFrom(runner.done$);
      expect(log).to.deep.equal(['initialize', 'finalize']);
      expect([status, error?.task, error?.phase, error?.cause]).to.deep.equal([
        'failed',
        'logging',
        'initialize',
        boom,
      ]);
      expect(received).to.deep.equal([error]);
      expect(collect(runner.ready$)).to.deep.equal(['complete']);
    }
  });

  it('has failed with the error of a teardown after its end, although that is the cause of a cancel', () => {
    const boom = new Error('boom');
    const [ctx, cancel] = withCancel();
    const source = new Subject();
    const work = task(
      'x',
      () =>
        new Observable((subscriber) => {
          source.subscribe(subscriber);
          return () => {
            cancel(boom);
            throw boom;
          };
        }),
    );
    const runner = taskRunner(work);
    collect(runner.start(ctx));
    source.complete();
    expect(outcomeOf(runner)).to.include({ status: 'failed' });
    expect(outcomeOf(runner)?.error?.cause).to.equal(boom);
  });

  it('has the phase execute when execute throws synchronously', () => {
    const runner = taskRunner(task('x', throwing(new Error('boom'))));
    const [error] = collect(runner.start());
    expect(error).to.be.instanceOf(TaskError).and.equal(outcomeOf(runner)?.error);
    expect(error).to.include({
      task: 'x',
      phase: 'execute',
      message: 'x failed in execute: boom',
      name: 'TaskError',
    });
    expect(outcomeOf(runner)?.status).to.equal('failed');
  });

  it('has an Error around a falsy reason', async () => {
    for (const reason of [undefined, null, 0, '', false] as unknown[]) {
      const throwReason = () => {
        throw reason;
      };
      for (const execute of [throwReason, async () => Promise.reject(reason), () => throwError(() => reason)]) {
        const runner = taskRunner(task('x', execute));
        runner.start().subscribe({ error: () => undefined });
        const { status, error } = await lastValueFrom(runner.done$);
        expect([status, error?.cause]).to.deep.equal(['failed', reason]);
        expect(error).to.be.instanceOf(Error);
      }
    }
  });

  it('has the phase finalize when only finalize rejects, and otherwise keeps the first error', async () => {
    const late = new Error('late');
    const succeeding = taskRunner(task('x', { execute: () => 1, finalize: () => Promise.reject(late) }));
    expect(await lastValueFrom(succeeding.start()).catch((error: unknown) => error)).to.include({
      phase: 'finalize',
      cause: late,
    });
    expect(outcomeOf(succeeding)?.status).to.equal('failed');

    const first = new Error('first');
    const failed = taskRunner(task('x', { execute: throwing(first), finalize: throwing(late) }));
    const [error] = collect(failed.start()) as TaskError[];
    expect(error).to.include({ phase: 'execute', cause: first });
    expect(error?.suppressed).to.have.length(1);
    expect(error?.suppressed[0]).to.include({ phase: 'finalize', cause: late }).and.be.instanceOf(TaskError);
  });

  it('has the phase finalize when finalize rejects after a cancel', async () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(
      task('x', { execute: () => NEVER, finalize: () => Promise.reject(new DOMException('', 'AbortError')) }),
    );
    const received = collect(runner.start(ctx));
    cancel();
    const { status, error } = await lastValueFrom(runner.done$);
    expect([status, error?.phase]).to.deep.equal(['failed', 'finalize']);
    expect(received).to.deep.equal([error]);
  });

  it('has the error of the teardown of execute, as suppressed when it is the second', () => {
    const teardown = new Error('teardown');
    const synchronous = taskRunner(
      task(
        'x',
        () =>
          new Observable((subscriber) => {
            subscriber.complete();
            return throwing(teardown);
          }),
      ),
    );
    expect((collect(synchronous.start()) as TaskError[])[0]?.cause).to.equal(teardown);

    const subject = new Subject<number>();
    const later = taskRunner(task('x', () => subject.pipe(finalize(throwing(teardown)))));
    const received = collect(later.start()) as TaskError[];
    subject.error(new Error('first'));
    expect(received.map(({ message }) => message)).to.deep.equal(['x failed in execute: first']);
    expect(received[0]?.suppressed.map(({ cause }) => cause)).to.deep.equal([teardown]);
  });

  it('reports its error as RxJS does when the subscriber has no error handler', async () => {
    const runner = taskRunner(task('x', throwing(new Error('boom'))));
    expect(await unhandledDuring(() => runner.start().subscribe())).to.deep.equal([outcomeOf(runner)?.error]);
  });

  it('may have rejected with a CancelledError that is not the cause of its cancel', async () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(
      task(
        'x',
        (run) => new Promise((_, reject) => run.signal.addEventListener('abort', () => reject(new CancelledError()))),
      ),
    );
    runner.start(ctx).subscribe({ error: () => undefined });
    cancel(new Error('cause'));
    expect((await lastValueFrom(runner.done$)).status).to.equal('failed');
  });

  it('has the error of an object that looks like a promise or a stream and throws', async () => {
    const evil = (name: string) => Object.defineProperty({}, name, { get: throwing(new Error('evil')) });
    for (const output of [evil('then'), evil('getReader'), Promise.resolve(evil('getReader'))]) {
      const runner = taskRunner(task('x', () => output));
      runner.start().subscribe({ error: () => undefined });
      expect((await lastValueFrom(runner.done$)).error?.message).to.equal('x failed in execute: evil');
    }
  });

  it('has the message of an error without a stack', () => {
    const bare = Object.assign(new Error('bare'), { stack: null });
    expect(collect(taskRunner(task('x', throwing(bare))).start())[0]).to.have.property(
      'message',
      'x failed in execute: bare',
    );
  });

  it('has the error of a closed Subject', () => {
    const subject = new Subject();
    // eslint-disable-next-line rxjs-x/no-subject-unsubscribe -- closes the Subject
    subject.unsubscribe();
    const runner = taskRunner(task('x', () => subject));
    expect(collect(runner.start())).to.deep.equal([outcomeOf(runner)?.error]);
  });

  it('writes its error with console.error when no subscriber and no listener of done$ receives it', async () => {
    const boom = new Error('boom');
    const createRunner = () => taskRunner(task('x', { execute: () => NEVER, finalize: () => Promise.reject(boom) }));
    const [unobserved, launched, awaited, observed] = [createRunner(), createRunner(), createRunner(), createRunner()];
    const written = await writtenDuring(async () => {
      unobserved.start().subscribe().unsubscribe();
      launchRunner(background, () => undefined, launched).unsubscribe();
      const outcome = lastValueFrom(awaited.done$);
      awaited.start().subscribe().unsubscribe();
      observed.events$.subscribe();
      observed.start().subscribe().unsubscribe();
      expect((await outcome).status).to.equal('failed');
      await settled();
    });
    expect(written).to.deep.equal([outcomeOf(unobserved)?.error, outcomeOf(launched)?.error]);
  });
});
