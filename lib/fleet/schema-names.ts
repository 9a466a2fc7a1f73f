/** The version of this library's tables. Increase it for a change that earlier versions do not support. */
export const tablesVersion = 1;

/** Returns the schema of pg-boss's tables. */
export function jobsSchema(schema: string): string {
  return `${schema}_jobs`;
}

/** Returns the name of the channel of messages about jobs. */
export function eventsChannel(schema: string): string {
  return `${schema}$events`;
}

/** Returns the name of the queue that holds a queue's dead letters. */
export function toDeadQueue(queue: string): string {
  return `${queue}.dead`;
}
