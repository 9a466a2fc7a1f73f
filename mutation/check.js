import { readFileSync } from 'node:fs';

// Compares the mutants that have survived with the list of those that may, and the score with what it has to be.
const least = 90;
const list = new URL('survivors.md', import.meta.url);

/** The mutant as the list has it, which goes by the code and not by its line. */
function shown(text) {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 90 ? `${line.slice(0, 89)}…` : line;
}

function between(source, { start, end }) {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  lines.push(lines.pop().slice(0, end.column - 1));
  return [lines[0].slice(start.column - 1), ...lines.slice(1)].join('\n');
}

function listed() {
  const entries = new Set();
  let file = '';
  for (const line of readFileSync(list, 'utf8').split('\n')) {
    if (line.startsWith('## ')) file = line.slice(3).replaceAll('`', '');
    const [, , from, , to] = /^- (`+) ?(.+?) ?\1 → (`+) ?(.*?) ?\3:? /.exec(line) ?? [];
    if (from !== undefined) entries.add(`${file}\n${from}\n${to}`);
  }
  return entries;
}

const survivors = new Map();
const rows = [];
const sum = { file: 'all', killed: 0, timeout: 0, survived: 0, ignored: 0 };
for (const report of ['core', 'process']) {
  const { files } = JSON.parse(readFileSync(new URL(`out/${report}.json`, import.meta.url), 'utf8'));
  for (const [file, { source, mutants }] of Object.entries(files)) {
    const row = { file, killed: 0, timeout: 0, survived: 0, ignored: 0 };
    for (const { status, location, replacement } of mutants) {
      if (status === 'Killed') row.killed++;
      else if (status === 'Timeout') row.timeout++;
      else if (status === 'Survived' || status === 'NoCoverage') {
        row.survived++;
        const [from, to] = [shown(between(source, location)), shown(replacement)];
        const key = `${file}\n${from}\n${to}`;
        survivors.set(key, { line: `${file}:${location.start.line} ${from} → ${to}` });
      } else row.ignored++;
    }
    rows.push(row);
    for (const name of Object.keys(row)) if (name !== 'file') sum[name] += row[name];
  }
}
const score = ({ killed, timeout, survived }) => (100 * (killed + timeout)) / (killed + timeout + survived || 1);
console.table(
  [...rows, sum].map((row) => ({ ...row, score: Number(score(row).toFixed(1)) })),
  ['file', 'killed', 'timeout', 'survived', 'ignored', 'score'],
);

const entries = listed();
const unlisted = [...survivors].filter(([key]) => !entries.has(key));
const gone = [...entries].filter((key) => !survivors.has(key));
for (const [, { line }] of unlisted) console.error(`Survived and not listed: ${line}`);
for (const key of gone) console.error(`Listed and has not survived: ${key.replaceAll('\n', ' ')}`);
if (score(sum) < least) console.error(`The score is ${score(sum).toFixed(1)} %, below ${least} %`);
if (unlisted.length > 0 || gone.length > 0 || score(sum) < least) process.exitCode = 1;
