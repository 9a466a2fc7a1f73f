import { expectTypeOf } from 'expect-type';
import type { Pool, PoolConfig } from 'pg';
import type { Observable } from 'rxjs';
import {
  cron,
  ordered,
  task,
  type Context,
  type Coordinator,
  type Schedule,
  type Task,
  type TaskRunner,
} from 'rxjs-tasks';
import {
  connectFleet,
  type DirectoryInUseError,
  every,
  fleetSql,
  installFleet,
  type FleetCancelledError,
  type FleetConnectionError,
  type FleetSchemaError,
  type FleetVersionError,
  type GroupState,
  type JobCancelledError,
  type JobDeletedError,
  type JobError,
  type JobLostError,
  type DeadLetter,
  type Fleet,
  type FleetEvent,
  type FleetState,
  type Job,
  type JobEvent,
  type JobFailure,
  type PgConnectionOptions,
  type PgPool,
  type Queue,
  type QueueFullError,
  type UnrecoverableError,
} from 'rxjs-tasks/fleet';
import { inspector } from 'rxjs-tasks/inspect';

// This code is compiled, but never runs.
export async function fleet(): Promise<void> {
  expectTypeOf<Pool>().toExtend<PgPool>();
  expectTypeOf<PoolConfig>().toExtend<PgConnectionOptions>();
  expectTypeOf(connectFleet({ url: 'postgres://h/d' })).toEqualTypeOf<Promise<Fleet>>();
  const fleet = await connectFleet({ directory: 'data' });
  expectTypeOf(fleet).toExtend<Task<never>>();
  expectTypeOf(fleet.context).toEqualTypeOf<Context>();
  expectTypeOf(fleet.coordinator).toEqualTypeOf<Coordinator>();
  expectTypeOf(fleet.lastSlot('n')).toEqualTypeOf<Promise<number | undefined>>();
  expectTypeOf(fleet.pause('n', { by: 'ann' })).toEqualTypeOf<Promise<void>>();
  expectTypeOf(fleet.resume('n', { by: 'ann' })).toEqualTypeOf<Promise<void>>();
  expectTypeOf(fleet.resume()).toEqualTypeOf<Promise<void>>();
  // @ts-expect-error a path that may be undefined would undo the cancel of the fleet
  void fleet.resume(process.env['CRON']);
  expectTypeOf(fleet.state()).toEqualTypeOf<Promise<FleetState>>();
  expectTypeOf(inspector({ port: 0, fleet, showData: true })).toEqualTypeOf<TaskRunner<string>>();
  cron(
    task('n', () => 1),
    every(1000),
    { coordinator: fleet.coordinator },
  );
  expectTypeOf(every(1)).toEqualTypeOf<Schedule>();

  // A queue has the types of its inputs and its results.
  const squares = fleet.queue<number, { square: number }>('squares', { retries: 1 });
  expectTypeOf(squares).toEqualTypeOf<Queue<number, { square: number }>>();
  expectTypeOf(squares.submit(2, { priority: 1 })).toEqualTypeOf<Observable<{ square: number }>>();
  expectTypeOf(squares.enqueue(2)).toEqualTypeOf<Promise<string>>();
  expectTypeOf(squares.result('id')).toEqualTypeOf<Observable<{ square: number }>>();
  expectTypeOf(squares.cancel('id')).toEqualTypeOf<Promise<boolean>>();
  expectTypeOf(squares.deadLetters()).toEqualTypeOf<Promise<DeadLetter<number>[]>>();
  expectTypeOf(squares.groups(3)).toEqualTypeOf<Promise<GroupState[]>>();
  const worker = squares.worker((n, ctx, job) => {
    expectTypeOf(n).toEqualTypeOf<number>();
    expectTypeOf(ctx).toEqualTypeOf<Context>();
    expectTypeOf(job).toEqualTypeOf<Job>();
    return Promise.resolve({ square: n * n });
  });
  expectTypeOf(worker).toEqualTypeOf<TaskRunner<JobEvent>>();
  expectTypeOf(ordered('app', fleet, worker).start()).toEqualTypeOf<Observable<JobEvent>>();
  expectTypeOf(fleet.queue('n').submit(1)).toEqualTypeOf<Observable<unknown>>();

  // Events are a union discriminated by `type`.
  fleet.events$.subscribe((event: FleetEvent) => {
    if (event.type === 'failed') expectTypeOf(event.failure).toEqualTypeOf<JobFailure>();
    if (event.type === 'disconnected') expectTypeOf(event.error).toEqualTypeOf<FleetConnectionError>();
  });
  expectTypeOf<JobError['failure']>().toEqualTypeOf<JobFailure>();
  type Failure =
    | DirectoryInUseError
    | FleetCancelledError
    | FleetSchemaError
    | FleetVersionError
    | JobCancelledError
    | JobDeletedError
    | JobLostError
    | QueueFullError
    | UnrecoverableError;
  expectTypeOf(installFleet({ url: 'postgres://h/d', queues: ['n'] })).toEqualTypeOf<Promise<void>>();
  expectTypeOf(fleetSql({ schema: 's', queues: ['n'] })).toEqualTypeOf<string>();
  expectTypeOf<Failure>().toExtend<Error>();

  // @ts-expect-error the input has another type
  squares.submit('2');
  // @ts-expect-error the result has another type
  squares.worker((n) => n);
  // @ts-expect-error the option does not exist
  fleet.queue('n', { attempts: 1 });
}
