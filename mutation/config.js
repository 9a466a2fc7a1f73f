/** What both runs of Stryker have in common. Two workers, because their specs wait for one another's CPU. */
export function config(name, { mutate, specs, ...rest }) {
  return {
    mutate,
    specs,
    plugins: ['./mutation/runner.js'],
    testRunner: 'specs',
    testRunnerNodeArgs: ['--import=tsx', '--expose-gc'],
    coverageAnalysis: 'perTest',
    ignoreStatic: true,
    incremental: true,
    incrementalFile: `mutation/out/${name}.incremental.json`,
    concurrency: 2,
    timeoutMS: 8000,
    timeoutFactor: 3,
    tempDirName: 'mutation/out/sandbox',
    ignorePatterns: ['bench', 'dist', 'coverage', 'mutation/out'],
    disableTypeChecks: 'lib/**/*.ts',
    reporters: ['json', 'html', 'progress-append-only'],
    jsonReporter: { fileName: `mutation/out/${name}.json` },
    htmlReporter: { fileName: `mutation/out/${name}.html` },
    allowConsoleColors: false,
    ...rest,
  };
}
