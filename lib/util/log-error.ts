/** Writes an error with `console.error`, even one that cannot be printed. */
export function logError(error: unknown): void {
  console.error(error);
}
