const slotLine = /^Cron .+: \d+ slots? (?:missed|overdue|skipped \((?:overlap|ended|coordinator)\))/;

/** Whether a line on the console is about slots of a cron that nobody listens to. */
export function isSlotLine(line: string): boolean {
  return slotLine.test(line);
}

/** Removes the lines about slots: a busy machine may miss some. */
export function withoutSlotLines(stderr: string): string {
  return stderr
    .split('\n')
    .filter((line) => !isSlotLine(line))
    .join('\n');
}
