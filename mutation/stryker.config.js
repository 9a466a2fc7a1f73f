import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parts, without } from './parts.js';

const part = process.env.MUTATION_PART;
/** One mutant of so many is run. The results of the others would be kept as such. */
const sample = Number(process.env.SAMPLE ?? 1);
const { mutate, specs, children = false, threads = false, limitMs } = parts[part];
/** The process part alone runs system specs, which start programs. */
const others = Object.values(parts)
  .filter((other) => other.children && !children)
  .flatMap((other) => other.mutate.map((path) => `!lib/${path}.ts`));

export default {
  mutate: [...mutate.map((path) => (existsSync(`lib/${path}`) ? `lib/${path}/**/*.ts` : `lib/${path}.ts`)), ...others],
  specs: {
    files: specs.flatMap(specFiles).sort((a, b) => hasRandomCases(a) - hasRandomCases(b)),
    without,
    children,
    threads,
    limitMs,
    sample,
    url: process.env.MUTATION_URL,
  },
  plugins: ['./mutation/runner.js'],
  testRunner: 'specs',
  // A thread has the loaders of the arguments alone.
  testRunnerNodeArgs: [
    '--expose-gc',
    ...(threads ? ['--import=tsx', `--import=${new URL('child.js', import.meta.url).href}`] : []),
  ],
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  incremental: sample === 1,
  incrementalFile: `mutation/out/${part}.incremental.json`,
  concurrency: Number(process.env.CONCURRENCY ?? 2),
  timeoutMS: children ? 30_000 : Math.min(6000, 2 * (limitMs ?? Infinity)),
  timeoutFactor: 2,
  tempDirName: 'mutation/out/sandbox',
  ignorePatterns: [
    'bench',
    'dist',
    'coverage',
    'mutation/out',
    'site',
    'spec/runners',
    'spec/runtimes',
    'spec/supervisors',
  ],
  disableTypeChecks: 'lib/**/*.ts',
  reporters: ['json', 'html', 'progress-append-only'],
  jsonReporter: { fileName: `mutation/out/${part}.json` },
  htmlReporter: { fileName: `mutation/out/${part}.html` },
  allowConsoleColors: false,
};

/** Returns the spec files of a folder, or of one file with or without system specs beside it. */
function specFiles(path) {
  const ending = children ? '.system.spec.ts' : '.spec.ts';
  if (!existsSync(`spec/${path}`)) return [`spec/${path}${ending}`];
  return readdirSync(`spec/${path}`)
    .filter((file) => file.endsWith('.spec.ts') && file.endsWith('.system.spec.ts') === children)
    .map((file) => `spec/${path}/${file}`);
}

/** Whether a spec file has random cases. They run last, because they take longest, and one failure is enough. */
function hasRandomCases(file) {
  return readFileSync(file, 'utf8').includes('fast-check');
}
