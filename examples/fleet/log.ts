const { stdout, env } = process;

const colours = new Map([
  ['shop', 1],
  ['ann', 36],
  ['ben', 35],
  ['cat', 33],
]);

/** Prints a line that begins with the name of a process. */
export function log(processName: string, text: string): void {
  const name = processName.padEnd(4);
  const label = stdout.isTTY && !env['NO_COLOR'] ? `\x1b[${colours.get(processName) ?? 0}m${name}\x1b[0m` : name;
  stdout.write(`${label}  ${text}\n`);
}
