import type { TaskEvent, TaskRunner } from '../../lib/index.js';
import { shown, type Failing } from './log.js';

/** An outcome as a model and the library both have it. */
interface Outcome {
  readonly task: string;
  readonly status: string;
  readonly error?: Failing | undefined;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly phase?: string | undefined;
  readonly members?: readonly Outcome[] | undefined;
}

export function shownOutcome({ task, status, error, startedAt, endedAt, phase, members }: Outcome): string {
  const why = error ? ` by ${shown(error)}` : '';
  const where = phase === undefined ? '' : ` in ${phase}`;
  const parts = members ? ` of [${members.map(shownOutcome).join(', ')}]` : '';
  return `${task} ${status}${why}${where} from ${startedAt ?? '?'} to ${endedAt ?? '?'}${parts}`;
}

/** What an event says beside its task, as a model has it. */
export function lineOf(event: TaskEvent): string {
  const error = 'error' in event && event.error !== undefined ? ` ${shown(event.error)}` : '';
  switch (event.type) {
    case 'cancelling':
      return `cancelling ${shown(event.cause)}${event.slot === undefined ? '' : ` of ${event.slot}`}${error}`;
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
    case 'done':
      return `done ${event.outcome.status}`;
    case 'restarting':
      return `restarting ${event.restart} in ${event.delay}${error}`;
    default:
      return event.type;
  }
}

/** What those hear who come only now. */
export function heardLate({ ready$, done$ }: TaskRunner): { ready: string; outcome: string } {
  let ready = '';
  let outcome = 'none yet';
  ready$.subscribe({ next: () => (ready += 'next '), complete: () => (ready += 'complete') }).unsubscribe();
  done$.subscribe((one) => (outcome = shownOutcome(one))).unsubscribe();
  return { ready, outcome };
}
