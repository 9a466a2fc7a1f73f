import type { Attributes } from '@opentelemetry/api';
import type { RunContext, RunEnd } from '../context/types.js';

/** The instrumentation scope of all spans and metrics. `npm version` updates the version here. */
export const library = { name: 'rxjs-tasks', version: '0.1.0' } as const;

/** Attribute keys. Those without the library's name are from the semantic conventions, which have none for tasks. */
export const attribute = {
  errorType: 'error.type',
  task: 'rxjs_tasks.task',
  runId: 'rxjs_tasks.run.id',
  kind: 'rxjs_tasks.run.kind',
  outcome: 'rxjs_tasks.run.outcome',
  phase: 'rxjs_tasks.run.phase',
  restart: 'rxjs_tasks.run.restart',
  slot: 'rxjs_tasks.slot',
  reason: 'rxjs_tasks.reason',
  option: 'rxjs_tasks.option',
  count: 'rxjs_tasks.count',
  by: 'rxjs_tasks.by',
  action: 'rxjs_tasks.action',
  target: 'rxjs_tasks.target',
  key: 'rxjs_tasks.key',
  cause: 'rxjs_tasks.cause',
  delay: 'rxjs_tasks.delay',
  lateness: 'rxjs_tasks.lateness',
  attempt: 'rxjs_tasks.job.attempt',
  messagingSystem: 'messaging.system',
  operationName: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  queue: 'messaging.destination.name',
  job: 'messaging.message.id',
} as const;

/** Returns the kind of a run. It distinguishes a slot from its cron, and a job from its worker. */
export function kindOf({ slot, job }: RunContext): 'task' | 'slot' | 'job' {
  return job ? 'job' : slot === undefined ? 'task' : 'slot';
}

// The keys are literals in the attributes of each run, because computed keys take several times as long.

/** Returns the task and the kind of a run. */
export function runAttributes(run: RunContext): Attributes {
  return { 'rxjs_tasks.task': run.task, 'rxjs_tasks.run.kind': kindOf(run) };
}

/** Returns the attributes of a run's start. */
export function startAttributes(run: RunContext): Attributes {
  return { 'rxjs_tasks.task': run.task, 'rxjs_tasks.run.kind': kindOf(run), 'rxjs_tasks.run.id': run.runId };
}

/** Returns the attributes of a run's end. */
export function endAttributes(run: RunContext, outcome: RunEnd['status']): Attributes {
  return { 'rxjs_tasks.task': run.task, 'rxjs_tasks.run.kind': kindOf(run), 'rxjs_tasks.run.outcome': outcome };
}

/** Converts ms to seconds, the unit of time in the semantic conventions. */
export function seconds(ms: number): number {
  return ms / 1000;
}
