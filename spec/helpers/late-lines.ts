const lateLines = [
  /^Cron .+: \d+ slots? (?:missed|overdue|skipped \((?:overlap|ended|coordinator)\))/,
  /^Not ready after 10 s: /,
  /^Not ended 5 s after the cancel: /,
];

/** Whether a line on the console tells that a process is late, as on a busy machine. */
export function isLateLine(line: string): boolean {
  return lateLines.some((pattern) => pattern.test(line));
}

/** Removes the lines that tell that a process is late. */
export function withoutLateLines(stderr: string): string {
  return stderr
    .split('\n')
    .filter((line) => !isLateLine(line))
    .join('\n');
}
