import { expectTypeOf } from 'expect-type';
import type { Observable } from 'rxjs';
import { future, ordered, task, type Future, type TaskRunner } from 'rxjs-tasks';
import {
  type PoolClosedError,
  type PoolQueueError,
  type ThreadExitError,
  type ThreadMemoryError,
  threadPool,
  type ThreadContext,
  type ThreadPool,
} from 'rxjs-tasks/threads';

const pool = threadPool({ threads: 2, memoryLimit: 64 });
expectTypeOf(pool).toEqualTypeOf<ThreadPool>();
expectTypeOf(pool).toExtend<TaskRunner<never>>();
expectTypeOf(pool.run('/work.js')).toEqualTypeOf<Observable<unknown>>();
expectTypeOf(pool.run<number>(new URL('file:///work.js'), 1, { grace: 10 })).toEqualTypeOf<Observable<number>>();
expectTypeOf(future(() => pool.run<string>('/work.js'))).toEqualTypeOf<Future<string>>();
expectTypeOf(
  ordered(
    'g',
    pool,
    task('n', () => 1),
  ).start(),
).toEqualTypeOf<Observable<number>>();
expectTypeOf(pool.close()).toEqualTypeOf<Promise<void>>();
expectTypeOf<ThreadContext['signal']>().toEqualTypeOf<AbortSignal>();
expectTypeOf<PoolClosedError | PoolQueueError | ThreadExitError | ThreadMemoryError>().toExtend<Error>();

// @ts-expect-error the option does not exist
threadPool({ size: 2 });
// @ts-expect-error a module is given by its URL
pool.run(1);
