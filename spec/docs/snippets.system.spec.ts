import { expect } from 'chai';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { formatWithOptions } from 'node:util';
import ts from 'typescript';
import { freePort } from '../../examples/shared/free-port.js';
import { sharedUrl } from '../helpers/fleet.js';
import { Program } from '../helpers/program.js';
import { withoutLateLines } from '../helpers/late-lines.js';
import { modules, snippets, type Snippet } from '../helpers/snippets.js';
import { unregisterTelemetry } from '../helpers/telemetry.js';
import { pause, waitUntil } from '../helpers/wait.js';

const folder = resolve('spec/.snippets');
const all = snippets();
/** Texts in snippets that do not run in this process: programs, and tests of node:test. */
const markers = { program: 'runMain(', test: "'node:test'" };
const has = (marker: string) => (snippet: Snippet) => snippet.code.includes(marker);
const fileOf = ({ location }: Snippet) => `${folder}/${location.replaceAll(/\W/g, '-')}.ts`;

/** The time after which output that is still missing is a failure. */
const maxOutputWaitMs = 60_000;

/** Runs a snippet in this process, and returns its output. Waits until it has printed as much as it promises. */
async function outputOf(snippet: Snippet): Promise<string[]> {
  const lines: string[] = [];
  const { log } = console;
  console.log = (...args: unknown[]) => lines.push(formatWithOptions({ colors: false }, ...args));
  try {
    await import(pathToFileURL(fileOf(snippet)).href);
    const deadline = performance.now() + maxOutputWaitMs;
    await waitUntil(() => lines.length >= snippet.prints.length || performance.now() > deadline);
    // A snippet that prints more than it promises does so soon after.
    await pause(20);
  } finally {
    console.log = log;
    unregisterTelemetry();
  }
  return lines;
}

/** Returns the number of timers that keep this process alive. */
function timerCount(): number {
  return process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;
}

describe('The documentation', () => {
  const { FLEET_URL, DATABASE_URL } = process.env;
  let timersBefore: number;

  before(async () => {
    timersBefore = timerCount();
    process.env['DATABASE_URL'] = process.env['FLEET_URL'] = await sharedUrl();
    mkdirSync(folder, { recursive: true });
    for (const { file, code } of modules()) writeFileSync(`${folder}/${file}`, code);
    // The ports in the documentation may be in use on this machine.
    const ports = { 3000: await freePort(), 8081: await freePort() };
    const withFreePorts = (code: string) => code.replaceAll(/\b(?:3000|8081)\b/g, (port) => `${ports[port as '3000']}`);
    // The embedded database of an example is removed with the snippets.
    const withFolder = (code: string) => code.replace(`directory: './data'`, `directory: '${folder}/data'`);
    for (const snippet of all) writeFileSync(fileOf(snippet), withFolder(withFreePorts(snippet.code)));
  });

  after(() => {
    if (FLEET_URL === undefined) delete process.env['FLEET_URL'];
    if (DATABASE_URL === undefined) delete process.env['DATABASE_URL'];
    else process.env['DATABASE_URL'] = DATABASE_URL;
    rmSync(folder, { recursive: true });
  });

  it('has an example for every public function, class and constant', () => {
    const indexes = ['', 'fleet/', 'http/', 'inspect/', 'otel/', 'testing/', 'threads/']
      .map((entry) => readFileSync(`lib/${entry}index.ts`, 'utf8'))
      .join('\n');
    const names = [...indexes.matchAll(/export \{([^}]*)\}/g)].flatMap(([, list]) =>
      (list ?? '').split(',').map((name) => name.trim()),
    );
    const values = names.filter((name) => name !== '' && !name.startsWith('type '));
    expect(values).to.have.length.above(20);
    const sources = readdirSync('lib', { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(`lib/${file}`, 'utf8'))
      .join('\n');
    const documented = [
      ...sources.matchAll(/@example\n(?:(?! \*\/).)*? \*\/\nexport (?:async )?(?:function|class|const) (\w+)/gs),
    ].map(([, name]) => name);
    expect(documented).to.include.members(values);
  });

  it('has examples that compile', () => {
    const { config } = ts.readConfigFile('tsconfig.json', (path) => readFileSync(path, 'utf8')) as { config: object };
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.');
    const program = ts.createProgram(all.map(fileOf), { ...options, isolatedDeclarations: false, declaration: false });
    // Without those of the library, which `npm run check:types` checks.
    const messages = all
      .flatMap((snippet) => ts.getPreEmitDiagnostics(program, program.getSourceFile(fileOf(snippet))))
      .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
    expect(messages).to.deep.equal([]);
  });

  for (const snippet of all.filter((snippet) => !Object.values(markers).some((marker) => has(marker)(snippet)))) {
    it(`has an example with the promised output at ${snippet.location}`, async () => {
      expect(await outputOf(snippet)).to.deep.equal(snippet.prints);
    });
  }

  for (const snippet of all.filter(has(markers.test))) {
    it(`has an example test that passes, and fails as promised, at ${snippet.location}`, async () => {
      const file = fileOf(snippet);
      const test = () => new Program(process.execPath, ['--import', 'tsx', '--test', file]).ended;
      expect(await test()).to.include({ code: 0 });
      writeFileSync(file, snippet.code.replaceAll('ordered', 'parallel'));
      const { code, stdout } = await test();
      expect(withoutIndents(stdout)).to.include(withoutIndents(shownOutput('docs/testing.md')));
      expect(code).to.equal(1);
    });
  }

  for (const snippet of all.filter(has(markers.program))) {
    it(`has an example program that runs until a Ctrl-C at ${snippet.location}`, async () => {
      const program = new Program(process.execPath, ['--import', 'tsx', fileOf(snippet)]);
      await program.waitFor('\n');
      program.kill('SIGINT');
      const { code, stdout, stderr } = await program.ended;
      expect([code, withoutLateLines(stderr)]).to.deep.equal([0, '']);
      if (snippet.prints.length > 0) expect(stdout.trimEnd().split('\n')).to.deep.equal(snippet.prints);
      else expect(withoutDurations(stdout)).to.equal(withoutDurations(shownOutput('README.md')));
    });
  }

  it('has examples that leave nothing running in this process', async () => {
    await waitUntil(() => timerCount() <= timersBefore);
  });
});

/** Returns the first output that a page shows. */
function shownOutput(file: string): string {
  const shown = /```text\n([\s\S]*?)```/.exec(readFileSync(file, 'utf8'))?.[1];
  return shown ?? expect.fail('The page shows no output');
}

/** Removes indents. */
function withoutIndents(output: string): string {
  return output.replaceAll(/^ +/gm, '');
}

/** Replaces durations. */
function withoutDurations(output: string): string {
  return output.replaceAll(/[\d.]+ m?s/g, 'N ms');
}
