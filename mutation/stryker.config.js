import { existsSync } from 'node:fs';
import { parts, without } from './parts.js';

const part = process.env.MUTATION_PART;
const { mutate, specs, children = false } = parts[part];

export default {
  mutate: mutate.map((name) => [`lib/${name}.ts`, `lib/internal/${name}.ts`].find((file) => existsSync(file))),
  specs: { files: specs.map((name) => `spec/${name}.spec.ts`), without, children },
  plugins: ['./mutation/runner.js'],
  testRunner: 'specs',
  testRunnerNodeArgs: ['--import=tsx', '--expose-gc'],
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  incremental: true,
  incrementalFile: `mutation/out/${part}.incremental.json`,
  concurrency: 2,
  timeoutMS: children ? 30_000 : 6000,
  timeoutFactor: 2,
  tempDirName: 'mutation/out/sandbox',
  ignorePatterns: ['bench', 'dist', 'coverage', 'mutation/out', 'site', 'spec/runners', 'spec/runtimes'],
  disableTypeChecks: 'lib/**/*.ts',
  reporters: ['json', 'html', 'progress-append-only'],
  jsonReporter: { fileName: `mutation/out/${part}.json` },
  htmlReporter: { fileName: `mutation/out/${part}.html` },
  allowConsoleColors: false,
};
