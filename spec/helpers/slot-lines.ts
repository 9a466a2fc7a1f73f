/** A line on the console about slots of a cron that nobody listens to. */
export const slotLine = /^Cron .+: \d+ slots? (?:missed|overdue|skipped \((?:overlap|ended|coordinator)\))/;

/** Removes the lines about slots: a busy machine may miss some. */
export function withoutSlotLines(stderr: string): string {
  return stderr
    .split('\n')
    .filter((line) => !slotLine.test(line))
    .join('\n');
}
