import { existsSync, readFileSync } from 'node:fs';
import { parts } from './parts.js';

const minScore = 90;

/** Compares the surviving mutants with the list of those that may survive, and the score with its minimum. */
export function check() {
  const reports = Object.keys(parts)
    .map((part) => new URL(`out/${part}.json`, import.meta.url))
    .filter((report) => existsSync(report))
    .map((report) => JSON.parse(readFileSync(report, 'utf8')));
  const files = reports.flatMap((report) => Object.entries(report.files));
  const counts = files.map(([file, { mutants }]) => count(file, mutants));
  const sum = count(
    'all',
    files.flatMap(([, { mutants }]) => mutants),
  );
  console.table([...counts, sum]);

  const survivors = new Map(files.flatMap(([file, report]) => changesOf(file, report, 'Survived', 'NoCoverage')));
  // On a busy machine an endless run looks like a slow one. Those that are not in a sample have an error.
  const unknown = new Map(files.flatMap(([file, report]) => changesOf(file, report, 'Timeout', 'RuntimeError')));
  const entries = listed(new Set(files.map(([file]) => file)));
  const unlisted = [...survivors].filter(([entry]) => !entries.has(entry)).map(([, where]) => where);
  const gone = [...entries].filter((entry) => !survivors.has(entry) && !unknown.has(entry));
  for (const where of unlisted) console.error(`Survived and not listed: ${where}`);
  // On a busy machine a spec of the wall clock may fail for a mutant that changes nothing.
  for (const entry of gone)
    console.warn(`Listed, but killed this time; remove it from the list if that lasts: ${entry}`);
  if (sum.score < minScore) console.error(`The score is ${sum.score} %, below ${minScore} %`);
  return unlisted.length === 0 && sum.score >= minScore;
}

function count(file, mutants) {
  const of = (...statuses) => mutants.filter(({ status }) => statuses.includes(status)).length;
  const killed = of('Killed');
  const timeout = of('Timeout');
  const survived = of('Survived', 'NoCoverage');
  const others = mutants.length - killed - timeout - survived;
  const score = Math.round((1000 * (killed + timeout)) / (killed + timeout + survived || 1)) / 10;
  return { file, killed, timeout, survived, others, score };
}

function changesOf(file, { source, mutants }, ...statuses) {
  return mutants
    .filter(({ status }) => statuses.includes(status))
    .map(({ location, replacement }) => {
      const change = `${code(between(source, location))} → ${code(replacement)}`;
      return [`${file}: ${change}`, `${file}:${location.start.line}: ${change}`];
    });
}

/** Returns the entries of the list, which name code and not lines, so that they stay valid. */
function listed(files) {
  const entries = new Set();
  let file = '';
  const list = readFileSync(new URL('survivors.md', import.meta.url), 'utf8');
  // An entry that is too long for one line continues on indented lines.
  for (const line of list.replaceAll(/\n +/g, ' ').split('\n')) {
    if (line.startsWith('## ')) file = line.slice(3).replaceAll('`', '');
    const change = /^- (`+.+?`+ → `+.+?`+)(?=: |$)/.exec(line)?.[1];
    if (change && files.has(file)) entries.add(`${file}: ${change}`);
  }
  return entries;
}

/** Formats code as Markdown. */
function code(text) {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  const short = line.length > 90 ? `${line.slice(0, 89)}…` : line;
  if (!short.includes('`')) return `\`${short}\``;
  // As Prettier writes it.
  const space = short.startsWith('`') || short.endsWith('`') ? ' ' : '';
  return `\`\`${space}${short}${space}\`\``;
}

function between(source, { start, end }) {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  lines.push(lines.pop().slice(0, end.column - 1));
  return [lines[0].slice(start.column - 1), ...lines.slice(1)].join('\n');
}
