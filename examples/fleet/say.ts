const { stdout, env } = process;

const colours = new Map([
  ['shop', 1],
  ['ann', 36],
  ['ben', 35],
  ['cat', 33],
]);

/** Says something in one line, which begins with who says it. */
export function say(who: string, text: string): void {
  const name = who.padEnd(4);
  const shown = stdout.isTTY && !env['NO_COLOR'] ? `\x1b[${colours.get(who) ?? 0}m${name}\x1b[0m` : name;
  stdout.write(`${shown}  ${text}\n`);
}
