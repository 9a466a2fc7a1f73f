const queueName = /^[\w-]{1,100}$/;
const jobId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a value can be the name of a queue. */
export function isQueueName(value: unknown): value is string {
  return typeof value === 'string' && queueName.test(value);
}

/** Whether a value can be the id of a job. */
export function isJobId(value: unknown): value is string {
  return typeof value === 'string' && jobId.test(value);
}

/** Whether a value can be the number of an attempt, which counts from 1. */
export function isAttempt(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 2 ** 31 - 1;
}
