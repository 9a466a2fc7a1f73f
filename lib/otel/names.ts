import type { Attributes } from '@opentelemetry/api';
import type { RunContext } from '../context/types.js';

/** The scope of all that is told, and whose version that is: `npm version` writes it here, too. */
export const library = { name: 'rxjs-tasks', version: '0.1.0' } as const;

/** The attributes, as the semantic conventions name them where they have a name for it: they know no tasks. */
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
  count: 'rxjs_tasks.count',
  cause: 'rxjs_tasks.cause',
  delay: 'rxjs_tasks.delay',
  lateness: 'rxjs_tasks.lateness',
} as const;

/** Of which task a run is; or of a slot of which cron, whose own run lasts as long as its schedule does. */
export function kindOf({ task, slot }: RunContext): Attributes {
  return { [attribute.task]: task, [attribute.kind]: slot === undefined ? 'task' : 'slot' };
}

/** The conventions have times in seconds. */
export function seconds(ms: number): number {
  return ms / 1000;
}
