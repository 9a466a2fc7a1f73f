/** Returns the schema of pg-boss's tables. */
export function jobsSchema(schema: string): string {
  return `${schema}_jobs`;
}

/** Returns the name of the queue that holds a queue's dead letters. */
export function toDeadQueue(queue: string): string {
  return `${queue}.dead`;
}
