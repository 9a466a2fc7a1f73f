import { expect } from 'chai';
import { lastValueFrom } from 'rxjs';
import { task, taskRunner, type TaskError } from 'rxjs-tasks';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { shortStack } from '../../lib/util/short-stack.js';
import { rejectionOf } from '../helpers/rejection.js';

describe('shortStack', () => {
  const own = '    at notFound (/app/shop.js:1:1)';
  const stackOf = (...frames: string[]) => ['Error: no', ...frames].join('\n');

  it('leaves out the frames of RxJS, of Node, and of this library', () => {
    const hidden = [
      '    at Observable.subscribe (/app/node_modules/rxjs/src/internal/Observable.ts:2:2)',
      '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
      '    at node:internal/main/run_main_module:1:1',
      `    at Run.start (${new URL('../../lib/', import.meta.url).pathname}task/run.ts:3:3)`,
    ];
    expect(shortStack(stackOf(own, ...hidden))).to.equal(stackOf(own));
  });

  it('leaves a stack as it is that has no other frames, or none', () => {
    for (const stack of [stackOf('    at node:internal/timers:1:1'), 'Error: no', ''])
      expect(shortStack(stack)).to.equal(stack);
  });

  it('keeps lines of the message that look like no frame', () => {
    expect(shortStack(stackOf('  node: gone', own))).to.equal(stackOf('  node: gone', own));
  });
});

describe('A TaskError on the console', () => {
  const failure = new TypeError('refused', { cause: new Error('no route') });
  const printed = async () => {
    const error = await lastValueFrom(taskRunner(task('db', () => Promise.reject(failure))).start()).catch(
      (error: unknown) => error,
    );
    return inspect(error);
  };

  it('has its fields, its causes and their frames, but none of this library', async () => {
    const text = await printed();
    expect(text).to.include('TaskError: db failed in execute: refused').and.include("phase: 'execute'");
    expect(text).to.include('[cause]: TypeError: refused').and.include('[cause]: Error: no route');
    expect(text)
      .to.include('short-stack.spec.ts')
      .and.not.match(/lib\/task|node:internal/);
  });

  it('has the message of an error of another realm, as all errors are under Jest', async () => {
    const cause: unknown = runInNewContext('new TypeError("refused", { cause: new RangeError("no route") })');
    const error = await rejectionOf(
      lastValueFrom(taskRunner(task('db', () => Promise.reject(cause as Error))).start()),
    );
    expect(inspect(error)).to.include('[cause]: TypeError: refused\n').and.include('[cause]: RangeError: no route\n');
  });

  it('has its suppressed errors only if there are any', async () => {
    expect(await printed()).to.not.include('suppressed');
    const failing = task('db', {
      execute: () => Promise.reject(failure),
      finalize: () => Promise.reject(new Error('not closed')),
    });
    const error = await rejectionOf(lastValueFrom(taskRunner(failing).start()));
    expect(inspect(error)).to.include('suppressed: [').and.include('db failed in finalize: not closed');
  });

  it('has all frames with RXJS_TASKS_STACK=full', async () => {
    process.env['RXJS_TASKS_STACK'] = 'full';
    try {
      expect(await printed()).to.match(/node:internal|node_modules/);
    } finally {
      delete process.env['RXJS_TASKS_STACK'];
    }
  });

  it('has a cause as that prints itself, and shows a cause that cannot be read as well as possible', async () => {
    const printing = Object.assign(new Error('inner'), { [inspect.custom]: () => 'as it likes' });
    const reject = (cause: unknown) =>
      lastValueFrom(taskRunner(task('db', () => Promise.reject(cause as Error))).start()).catch(
        (error: unknown) => error as TaskError,
      );
    expect(inspect(await reject(printing))).to.include('[cause]: as it likes');
    const { proxy, revoke } = Proxy.revocable(new Error('revoked'), {});
    revoke();
    expect(inspect(await reject(proxy))).to.include('db failed in execute');
    class Guarded extends Error {
      readonly #text = 'guarded';
      override get name(): string {
        return this.#text;
      }
    }
    expect(inspect(await reject(new Guarded('inner')))).to.include('guarded: inner');
    expect(inspect(await reject(new DOMException('aborted', 'DataError')))).to.match(
      /\[cause\]: DOMException \[DataError\]: aborted/,
    );
  });
});
