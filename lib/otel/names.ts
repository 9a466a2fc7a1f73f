import type { Attributes } from '@opentelemetry/api';
import type { RunContext } from '../context/types.js';

/** The instrumentation scope of all spans and metrics. `npm version` updates the version here. */
export const library = { name: 'rxjs-tasks', version: '0.1.0' } as const;

/** Attribute keys. `error.type` is from the semantic conventions, which have no attributes for tasks. */
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
} as const;

/** Returns the task and the kind of a run. The kind tells the run of a slot from the run of its cron. */
export function runAttributes({ task, slot }: RunContext): Attributes {
  return { [attribute.task]: task, [attribute.kind]: slot === undefined ? 'task' : 'slot' };
}

/** Converts ms to seconds, the unit of time in the semantic conventions. */
export function seconds(ms: number): number {
  return ms / 1000;
}
