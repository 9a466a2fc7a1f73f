import type { AppEvent, TaskEvent, TaskRunner } from '../../lib/index.js';
import { formatError, type TaskFailure } from './log.js';

/** An outcome of the model or of the library. */
interface Outcome {
  readonly task: string;
  readonly status: string;
  readonly error?: TaskFailure | undefined;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly phase?: string | undefined;
  readonly members?: readonly Outcome[] | undefined;
  readonly children?: { readonly started: number; readonly failed: number } | undefined;
}

export function formatOutcome({ task, status, error, startedAt, endedAt, phase, members, children }: Outcome): string {
  const reason = error ? ` by ${formatError(error)}` : '';
  const where = phase === undefined ? '' : ` in ${phase}`;
  const parts = members ? ` of [${members.map(formatOutcome).join(', ')}]` : '';
  const counts = children ? ` with ${children.started} children, ${children.failed} failed` : '';
  return `${task} ${status}${reason}${where} from ${startedAt ?? '?'} to ${endedAt ?? '?'}${parts}${counts}`;
}

/** Returns the result of a call of `restart`. */
export function formatRestart(result: Outcome | string | undefined): string {
  if (result === undefined) return 'pending';
  return typeof result === 'string' ? result : formatOutcome(result);
}

/** Returns an event without its task, in the words of the model. */
export function formatEvent(event: TaskEvent): string {
  const error = 'error' in event && event.error !== undefined ? ` ${formatError(event.error)}` : '';
  switch (event.type) {
    case 'cancelling':
      return `cancelling ${formatError(event.cause)}${event.slot === undefined ? '' : ` of ${event.slot}`}${error}`;
    case 'result-dropped':
      return `dropped ${event.phase}${event.slot === undefined ? '' : ` of ${event.slot}`}${error}`;
    case 'slot-started':
      return `started ${event.slot}`;
    case 'skipped':
      return `skipped ${event.slot} ${event.reason}${error}`;
    case 'missed':
      return `missed ${event.slot} ×${event.count}`;
    case 'overdue':
      return `overdue ${event.slot} by ${event.lateBy}`;
    case 'slot-failed':
      return `failed ${event.slot}${error}`;
    case 'failed':
      return `failed ${event.phase}${error}`;
    case 'teardown-failed':
      return `teardown-failed${event.slot === undefined ? '' : ` of ${event.slot}`}${error}`;
    case 'done':
      return `done ${event.outcome.status}`;
    case 'restarting':
      return `restarting ${event.restart} in ${event.delay}${error}`;
    default:
      return event.type;
  }
}

/** Returns an event of an application in the words of the model. */
export function formatAppEvent(event: AppEvent): string {
  switch (event.type) {
    case 'cancelled':
    case 'draining':
      return `${event.type} ${formatError(event.cause)}`;
    case 'shutdown': {
      const { clean, outcomes } = event.report;
      return `shutdown ${clean ? 'clean' : 'unclean'} of [${outcomes.map(formatOutcome).join(', ')}]`;
    }
    default:
      return `${event.task} ${formatEvent(event)} #${event.runId}`;
  }
}

/** Returns the notifications that a late subscriber gets. */
export function lateNotifications({ ready$, done$ }: TaskRunner): { ready: string; outcome: string } {
  let ready = '';
  let outcome = 'none yet';
  ready$.subscribe({ next: () => (ready += 'next '), complete: () => (ready += 'complete') }).unsubscribe();
  done$.subscribe((last) => (outcome = formatOutcome(last))).unsubscribe();
  return { ready, outcome };
}
