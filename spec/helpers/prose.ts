/** Words that plain English replaces: the first word of each pair is refused, the second says what to write. */
const replacements: readonly (readonly [refused: RegExp, instead: string])[] = [
  [/\bwho(m|so)?ever\b/i, 'name the actor: listener, subscriber, caller, task, runner, process'],
  [/\bwhichever\b/i, 'name the thing'],
  [/\bunless said\b/i, 'Default: …'],
  [/\banew\b|\bonce more\b/i, 'again'],
  [/\blikewise\b/i, 'say it, or refer to it by name'],
  [/\bunder way\b/i, 'running, current, pending'],
  [/\bheeds?\b|\bheeding\b/i, 'respects, reacts to'],
  [/\bcome(s)? by\b|\bcame by\b/i, 'cover, obtain'],
  [/\blet(s)? go of\b/i, 'release'],
];

const maxColumns = 120;

/** Returns what is wrong with the prose of a file: one line for each fault, with its place. */
export function proseFaults(file: string, text: string): string[] {
  const faults: string[] = [];
  const isMarkdown = file.endsWith('.md');
  let inFence = false;
  let previous = '';
  text.split('\n').forEach((line, index) => {
    const report = (what: string): number => faults.push(`${file}:${index + 1}: ${what}: ${line.trim().slice(0, 100)}`);
    if (isMarkdown && line.startsWith('```')) inFence = !inFence;
    // A table row, an image, an address, and the output of an example cannot be wrapped.
    const wrappable = !(isMarkdown && /^\||^!\[|^\s*<img|\]\(\S{60,}\)|https?:\S{60,}|\/\/ → /.test(line));
    if (wrappable && line.length > maxColumns) report(`more than ${maxColumns} columns`);
    for (const [refused, instead] of replacements)
      if (refused.test(line)) report(`«${refused.exec(line)?.[0]}» (${instead})`);
    if (!isMarkdown && beginsComment(line, previous) && /^\s*(\/\*\*?|\/\/|\*)\s*(What|How|Who)\b/.test(line))
      report('a comment begins with a verb, a noun or «Whether»');
    previous = line;
  });
  return faults;
}

/** Whether the text of a comment begins on a line. */
function beginsComment(line: string, previous: string): boolean {
  if (/^\s*\/\/ /.test(line)) return !/^\s*\/\/ /.test(previous);
  return /^\s*\/\*/.test(line) || (/^\s*\* /.test(line) && /^\s*\/\*\*?$/.test(previous));
}
