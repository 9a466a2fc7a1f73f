import { releasedName } from './job-failure.js';
import { isAttempt, isJobId, isQueueName } from './message-fields.js';
import type { JobEvent } from './queue-types.js';

type EventType = JobEvent['type'];

/**
 * A message that an event has happened to a job. It has no output, failure or progress, because any role that may
 * connect can read it, and can send one like it.
 */
export interface JobMessage {
  readonly type: EventType;
  readonly queue: string;
  readonly job: string;
  /** Absent for the events that are not of an attempt. */
  readonly attempt?: number;
  /** Whether the attempt was given back, rather than failed. */
  readonly released?: true;
  readonly at: number;
  readonly by: string;
}

/** The types of events, and whether each belongs to an attempt. */
const eventTypes: Readonly<Record<EventType, boolean>> = {
  submitted: false,
  started: true,
  progress: true,
  retrying: true,
  completed: true,
  failed: true,
  lost: true,
  cancelled: false,
};

/** The maximum length of the name of a process. */
const maxNameLength = 200;

/** Parses a message about a job. Returns undefined for anything else. */
export function parseJobMessage(value: unknown): JobMessage | undefined {
  const { type, queue, job, attempt, released, at, by } = Object(value) as Record<string, unknown>;
  if (!isEventType(type) || !isQueueName(queue) || !isJobId(job)) return undefined;
  if (!Number.isFinite(at) || typeof by !== 'string' || by.length > maxNameLength) return undefined;
  const fields = { type, queue, job, at: at as number, by };
  if (!eventTypes[type]) return fields;
  if (!isAttempt(attempt)) return undefined;
  return { ...fields, attempt, ...(released === true && { released }) };
}

/** Returns the message about an event. */
export function toJobMessage(event: JobEvent): JobMessage {
  const { type, queue, job, at, by } = event;
  return {
    type,
    queue,
    job,
    ...('attempt' in event && { attempt: event.attempt }),
    ...(type === 'retrying' && event.failure.name === releasedName && { released: true }),
    at,
    by,
  };
}

/** Whether an event is the end of its job. */
export function isEnd({ type }: JobMessage | JobEvent): boolean {
  return type === 'completed' || type === 'failed' || type === 'cancelled';
}

function isEventType(type: unknown): type is EventType {
  return typeof type === 'string' && Object.hasOwn(eventTypes, type);
}
