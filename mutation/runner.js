import { commonTokens, declareClassPlugin, PluginKind, tokens } from '@stryker-mutator/api/plugin';
import {
  determineHitLimitReached,
  DryRunStatus,
  MutantRunStatus,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner';
import { configureGlobal } from 'fast-check';
import Mocha from 'mocha';
import pg from 'pg';
import { register as registerTypeScript } from 'tsx/esm/api';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/**
 * Runs specs in this process repeatedly, with one mutant after the other. Stryker has a runner for mocha, but its
 * release for Node 20 does not support mocha 12, nor child processes and threads. Here these run with the mutant, too,
 * which they find in their environment. The code they cover counts as covered by the spec that uses them, so that the
 * code of `runMain` and of threads can be mutated as well.
 */
class SpecRunner {
  static inject = tokens(commonTokens.options);

  constructor({ specs }) {
    this.specs = specs;
    this.hooks = new Map();
    this.mocha = new Mocha({ reporter: class {}, timeout: 0 });
    this.mocha.cleanReferencesAfterRun(false);
    for (const file of specs.files) this.mocha.addFile(file);
    // One failure is enough, however large the case.
    configureGlobal({ endOnFailure: true });
    if (specs.children || specs.threads) {
      this.covered = mkdtempSync(join(tmpdir(), 'mutation-'));
      process.env.MUTATION_COVERAGE = this.covered;
    }
    this.threads = new Set();
    // In other parts the loader of TypeScript may be a thread.
    if (specs.threads)
      process.on('worker', (thread) => this.threads.add(thread.once('exit', () => this.threads.delete(thread))));
    if (specs.children) {
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
    const loaded = { ...shared().mutantCoverage?.static };
    this.recording = perTest;
    const first = await this.run({ bail: !disableBail });
    this.recording = false;
    const mutantCoverage = perTest ? this.coverageOf(loaded, first) : undefined;
    // A spec that cannot run twice in one process would seem to detect each mutant.
    const second = await this.run({ bail: !disableBail });
    writeFileSync(
      'durations.json',
      JSON.stringify(Object.fromEntries(second.tests.map(({ id, timeSpentMs }) => [id, timeSpentMs]))),
    );
    const result = second.tests.some(({ status }) => status === TestStatus.Failed) ? second : first;
    return { ...result, ...(mutantCoverage && { mutantCoverage }) };
  }

  async mutantRun({ activeMutant: { id }, mutantActivation, testFilter, disableBail, hitLimit }) {
    if (Number(id) % this.specs.sample !== 0)
      return { status: MutantRunStatus.Error, errorMessage: 'Not in the sample' };
    process.env.__STRYKER_ACTIVE_MUTANT__ = id;
    shared().activeMutant = mutantActivation === 'static' ? id : undefined;
    await this.load();
    // Time is still virtual.
    if (globalThis.setTimeout !== realTimeout) throw new Error(repeat);
    this.durations ??= JSON.parse(readFileSync('durations.json', 'utf8'));
    Object.assign(shared(), { activeMutant: id, hitLimit, hitCount: hitLimit === undefined ? undefined : 0 });
    const result = await this.runQuickFirst({ bail: !disableBail, only: testFilter, limitMs: this.specs.limitMs });
    const isLeft = ({ failureMessage = '' }) => leftErrors.some((text) => failureMessage.includes(text));
    if (this.isUsed && result.tests.some(isLeft)) throw new Error(repeat);
    this.isUsed = true;
    return toMutantRunResult(determineHitLimitReached(shared().hitCount, hitLimit) ?? result);
  }

  /** Runs the specs of a few ms first, because most mutants fail one of them. */
  async runQuickFirst({ only, ...options }) {
    // The specs of a database begin with an empty one.
    if (!only || this.specs.url) return this.run({ only, ...options });
    const isQuick = (title) => this.durations[title] <= quickMs;
    const quick = await this.run({ only: only.filter(isQuick), ...options });
    if (options.bail && quick.tests.some(({ status }) => status === TestStatus.Failed)) return quick;
    const slow = await this.run({ only: only.filter((title) => !isQuick(title)), ...options });
    return { ...slow, tests: [...quick.tests, ...slow.tests] };
  }

  async load() {
    if (this.loaded) return;
    this.loaded = true;
    // Not earlier: the names of the package lead to the code in the working directory, which is now the mutated copy.
    registerTypeScript();
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

  async run({ bail, only, limitMs = Infinity }) {
    const { without = [], url } = this.specs;
    if (url) await dropSchemas(url);
    const chosen = only && new Set(only);
    const test = (title) => (chosen ? chosen.has(title) : !without.some((part) => title.includes(part)));
    this.mocha.grep({ test });
    bailAll(this.mocha.suite, bail);
    return new Promise((resolve) => {
      const tests = [];
      const runner = this.mocha.run(async () => {
        clearInterval(watch);
        await this.endThreads();
        resolve({ status: DryRunStatus.Complete, tests });
      });
      const resultOf = (test) => {
        const title = test.fullTitle();
        return { id: title, name: title, timeSpentMs: test.duration ?? 0, fileName: test.file };
      };
      runner.on('hook', (hook) => {
        if (!this.recording || !hook.title.startsWith('"before all"')) return;
        const id = `before ${hook.parent.fullTitle()}`;
        this.hooks.set(id, hook.parent);
        shared().currentTestId = id;
      });
      runner.on('pass', (test) => tests.push({ ...resultOf(test), status: TestStatus.Success }));
      runner.on('fail', (test, error) =>
        tests.push({ ...resultOf(test), status: TestStatus.Failed, failureMessage: String(error?.stack ?? error) }),
      );
      const watch = this.watch(runner, limitMs);
    });
  }

  /** Ends the threads that a mutant has left, and waits until the runs in them have failed. */
  async endThreads() {
    // A pool may start other threads for its waiting runs.
    while (this.threads.size > 0) {
      await Promise.all(Array.from(this.threads, (thread) => thread.terminate()));
      await sleep(20);
    }
  }

  /** Fails a spec or hook that still waits when no resource is left that could wake it, or when it takes too long. */
  watch(runner, limitMs) {
    let [still, limit, endsAt] = [0, Infinity, Infinity];
    // It is slow at first, and other programs may be busy.
    runner.on('test', (test) => (limit = limitMs + 4 * (this.durations?.[test.fullTitle()] ?? 0)));
    // After a failure the hooks may wait for what the mutant keeps from ending.
    runner.on('hook', () => (endsAt = now() + (runner.failures > 0 ? 1 : 4) * limitMs));
    // The hooks before a spec run after its event. There is always one.
    runner.on('hook end', () => (endsAt = now() + limit));
    runner.on('test end', () => (endsAt = Infinity));
    return setInterval(() => {
      still = process.getActiveResourcesInfo().every((type) => /Pipe|TTY|MessagePort/.test(type)) ? still + 1 : 0;
      if (still !== 10 && now() < endsAt) return;
      endsAt = Infinity;
      process.emit('uncaughtException', new Error('Nothing is left to wait for, or it takes too long'));
    }, 50).unref();
  }

  /**
   * Returns the mutants that each test reached. Those of the hooks before all tests of a suite belong to each of them.
   * Code that runs between two tests, or again without recording, is not static: its modules need not be loaded again.
   */
  coverageOf(loaded, { tests }) {
    const { perTest = {} } = shared().mutantCoverage ?? {};
    const titles = new Set(tests.map(({ id }) => id));
    for (const [id, suite] of this.hooks)
      suite.eachTest((test) => {
        const title = test.fullTitle();
        if (titles.has(title)) perTest[title] = { ...perTest[id], ...perTest[title] };
      });
    for (const id of this.hooks.keys()) delete perTest[id];
    return { static: loaded, perTest };
  }

  /** Adds the mutants that a test's child processes and threads reached to those of the test. */
  readChildren(title) {
    const { perTest } = (shared().mutantCoverage ??= { static: {}, perTest: {} });
    const own = (perTest[title] ??= {});
    for (const file of readdirSync(this.covered)) {
      if (!file.endsWith('.json')) continue;
      const path = join(this.covered, file);
      for (const id of JSON.parse(readFileSync(path, 'utf8'))) own[id] = (own[id] ?? 0) + 1;
      rmSync(path);
    }
  }

  dispose() {
    if (this.covered) rmSync(this.covered, { recursive: true, force: true });
  }
}

// A spec or hook that was failed while it waited may settle later. When its run has ended, mocha would throw, fail the
// run of the next mutant, or end one of its specs without a result.
const { fail, _uncaught: uncaught } = Mocha.Runner.prototype;
Object.assign(Mocha.Runner.prototype, {
  fail(test, error, force) {
    if (!isLate(this, error)) fail.call(this, test, error, force);
  },
  _uncaught(error) {
    if (!isLate(this, error)) uncaught.call(this, error);
  },
});

function isLate(runner, error) {
  return runner.state === 'stopped' || error?.code === 'ERR_MOCHA_MULTIPLE_DONE';
}

/** The longest time of a quick spec, in ms. */
const quickMs = 20;

/**
 * Texts of errors that an earlier mutant may have caused: its scenario has not ended, or the functions of a fake clock
 * were in place when RxJS cleared a real interval, so that it goes on for ever.
 */
const leftErrors = ['one scenario at a time', 'executing a cancelled action'];

/** The text of an error after which Stryker runs a mutant again, in another process. */
const repeat = 'An earlier mutant keeps the specs of this one from running';

/** The real function, which a scenario replaces. */
const { setTimeout: realTimeout } = globalThis;

/** Returns the real time, also while a spec has replaced the clock. */
const now = performance.now.bind(performance);

/** Returns the object that instrumented code shares with its test runner. */
function shared() {
  return (globalThis.__stryker__ ??= {});
}

/** Deletes what specs have created in a database, so that they can run again. */
async function dropSchemas(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // A mutant may have left connections, whose locks would be waited for.
  await client.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and usename = user',
  );
  const { rows } = await client.query(`select nspname as name from pg_namespace where nspname ~ '^(spec_|public$)'`);
  for (const { name } of rows) await client.query(`drop schema "${name}" cascade`);
  await client.query('create schema public');
  await client.end();
}

function bailAll(suite, bail) {
  suite.bail(bail);
  for (const one of suite.suites) bailAll(one, bail);
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'specs', SpecRunner)];
export const strykerValidationSchema = { properties: { specs: { type: 'object' } } };
