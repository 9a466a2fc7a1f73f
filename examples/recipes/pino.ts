import { stdSerializers, type Level, type Logger } from 'pino';
import type { AppEvent } from 'rxjs-tasks';

/**
 * Returns an observer that logs each event of an application. Without an observer, `console.error` writes its errors.
 */
export function logTo(logger: Logger): (event: AppEvent) => void {
  // A TaskError's message includes its cause's: the usual serializer, which joins the two, would repeat it.
  const log = logger.child({ name: 'tasks' }, { serializers: { err: stdSerializers.errWithCause } });
  const written = new WeakSet<object>();
  return (event) => {
    const { error, ...fields } = fieldsOf(event);
    // Several events have the error of a failure: of the task and of its groups. It is written once.
    const err = error instanceof Error && !written.has(error) ? error : undefined;
    if (err) written.add(err);
    log[levelOf(event)]({ ...fields, err }, 'task' in event ? `${event.task} ${event.type}` : event.type);
  };
}

const levels: Partial<Record<AppEvent['type'], Level>> = {
  ready: 'info',
  draining: 'info',
  cancelled: 'info',
  skipped: 'warn',
  missed: 'warn',
  overdue: 'warn',
  'result-dropped': 'warn',
  restarting: 'warn',
  failed: 'error',
  'slot-failed': 'error',
  'teardown-failed': 'error',
  'option-failed': 'error',
  'future-failed': 'error',
};

function levelOf(event: AppEvent): Level {
  if (event.type === 'done') return event.outcome.error ? 'error' : 'info';
  if (event.type === 'shutdown') return event.report.clean ? 'info' : 'error';
  // A person or a program has asked for it.
  if ('by' in event) return 'info';
  return levels[event.type] ?? 'debug';
}

function fieldsOf(event: AppEvent): { readonly error?: unknown; readonly [field: string]: unknown } {
  switch (event.type) {
    case 'done': {
      // Not the whole outcome, because it holds the runner.
      const { status, error } = event.outcome;
      return { type: event.type, task: event.task, runId: event.runId, status, error };
    }
    case 'draining':
    case 'cancelled':
    case 'cancelling':
      return { ...event, cause: String(event.cause) };
    default:
      return { ...event };
  }
}
