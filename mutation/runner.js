import { commonTokens, declareClassPlugin, PluginKind, tokens } from '@stryker-mutator/api/plugin';
import {
  determineHitLimitReached,
  DryRunStatus,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner';
import { configureGlobal } from 'fast-check';
import Mocha from 'mocha';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Runs specs in this process repeatedly, with one mutant after the other. Stryker has a runner for mocha, but its
 * release for Node 20 does not support mocha 12, nor child processes. Here child processes run with the mutant too, and
 * the code they cover counts as covered by the spec that started them, so that the code of `runMain` can be mutated as
 * well.
 */
class SpecRunner {
  static inject = tokens(commonTokens.options);

  constructor({ specs }) {
    this.specs = specs;
    this.mocha = new Mocha({ reporter: class {}, timeout: 0 });
    this.mocha.cleanReferencesAfterRun(false);
    for (const file of specs.files) this.mocha.addFile(file);
    // One failure is enough, however large the case.
    configureGlobal({ endOnFailure: true });
    if (specs.children) {
      this.covered = mkdtempSync(join(tmpdir(), 'mutation-'));
      process.env.MUTATION_COVERAGE = this.covered;
      process.env.NODE_OPTIONS = `--import=${fileURLToPath(new URL('child.js', import.meta.url))}`;
    }
  }

  capabilities() {
    // Modules stay imported.
    return { reloadEnvironment: false };
  }

  async dryRun({ coverageAnalysis, disableBail }) {
    const perTest = coverageAnalysis === 'perTest';
    await this.load();
    this.recording = perTest;
    const first = await this.run({ bail: !disableBail });
    this.recording = false;
    // A spec that cannot run twice in one process would seem to detect each mutant.
    const second = await this.run({ bail: !disableBail });
    const result = second.tests.some(({ status }) => status === TestStatus.Failed) ? second : first;
    return { ...result, ...(perTest && { mutantCoverage: shared().mutantCoverage }) };
  }

  async mutantRun({ activeMutant: { id }, mutantActivation, testFilter, disableBail, hitLimit }) {
    process.env.__STRYKER_ACTIVE_MUTANT__ = id;
    shared().activeMutant = mutantActivation === 'static' ? id : undefined;
    await this.load();
    Object.assign(shared(), { activeMutant: id, hitLimit, hitCount: hitLimit === undefined ? undefined : 0 });
    const result = await this.run({ bail: !disableBail, only: testFilter });
    return toMutantRunResult(determineHitLimitReached(shared().hitCount, hitLimit) ?? result);
  }

  async load() {
    if (this.loaded) return;
    this.loaded = true;
    const { suite } = this.mocha;
    const runner = this;
    suite.beforeEach(function () {
      if (runner.recording) shared().currentTestId = this.currentTest.fullTitle();
    });
    suite.afterEach(function () {
      if (!runner.recording) return;
      if (runner.covered) runner.readChildren(this.currentTest.fullTitle());
      // Code that is loaded between two tests is no part of the former.
      shared().currentTestId = undefined;
    });
    await this.mocha.loadFilesAsync();
  }

  run({ bail, only }) {
    const { without = [] } = this.specs;
    const chosen = only && new Set(only);
    const test = (title) => (chosen ? chosen.has(title) : !without.some((part) => title.includes(part)));
    this.mocha.grep({ test });
    bailAll(this.mocha.suite, bail);
    return new Promise((resolve) => {
      const tests = [];
      const runner = this.mocha.run(() => {
        clearInterval(watch);
        resolve({ status: DryRunStatus.Complete, tests });
      });
      const resultOf = (test) => {
        const title = test.fullTitle();
        return { id: title, name: title, timeSpentMs: test.duration ?? 0, fileName: test.file };
      };
      runner.on('pass', (test) => tests.push({ ...resultOf(test), status: TestStatus.Success }));
      runner.on('fail', (test, error) =>
        tests.push({ ...resultOf(test), status: TestStatus.Failed, failureMessage: String(error?.stack ?? error) }),
      );
      const watch = this.watch();
    });
  }

  /** Fails a spec that still waits when no resource is left that could wake it. */
  watch() {
    let still = 0;
    return setInterval(() => {
      still = process.getActiveResourcesInfo().every((type) => /Pipe|TTY|MessagePort/.test(type)) ? still + 1 : 0;
      if (still === 10) process.emit('uncaughtException', new Error('Nothing is left to wait for'));
    }, 50).unref();
  }

  /** Adds the mutants that a test's child processes reached to those of the test. */
  readChildren(title) {
    const { perTest } = (shared().mutantCoverage ??= { static: {}, perTest: {} });
    const own = (perTest[title] ??= {});
    for (const file of readdirSync(this.covered)) {
      const path = join(this.covered, file);
      for (const [id, count] of Object.entries(JSON.parse(readFileSync(path, 'utf8'))))
        own[id] = (own[id] ?? 0) + count;
      rmSync(path);
    }
  }

  dispose() {
    if (this.covered) rmSync(this.covered, { recursive: true, force: true });
  }
}

/** Returns the object that instrumented code shares with its test runner. */
function shared() {
  return (globalThis.__stryker__ ??= {});
}

function bailAll(suite, bail) {
  suite.bail(bail);
  for (const one of suite.suites) bailAll(one, bail);
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'specs', SpecRunner)];
export const strykerValidationSchema = { properties: { specs: { type: 'object' } } };
