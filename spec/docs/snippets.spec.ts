import { expect } from 'chai';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { formatWithOptions } from 'node:util';
import ts from 'typescript';
import { freePort } from '../../examples/shared/free-port.js';
import { sharedUrl } from '../helpers/fleet.js';
import { Program } from '../helpers/program.js';
import { modules, snippets, type Snippet } from '../helpers/snippets.js';

const folder = resolve('spec/.snippets');
const all = snippets();
/** How a snippet is run: here, or as a process of its own. */
const runs = { asProcess: 'runMain(', asTest: "'node:test'" };
const isOf = (how: string) => (snippet: Snippet) => snippet.code.includes(how);
const fileOf = ({ place }: Snippet) => `${folder}/${place.replaceAll(/\W/g, '-')}.ts`;

/** Runs a snippet here, and gives what it prints until it has printed as much as it says, and a moment longer. */
async function printed(snippet: Snippet): Promise<string[]> {
  const lines: string[] = [];
  const { log } = console;
  console.log = (...args: unknown[]) => lines.push(formatWithOptions({ colors: false }, ...args));
  try {
    await import(pathToFileURL(fileOf(snippet)).href);
    for (let turns = 0; turns < 200 && lines.length < snippet.prints.length; turns++) await pause(10);
    await pause(20);
  } finally {
    console.log = log;
  }
  return lines;
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

describe('The documentation', () => {
  const { FLEET_URL, DATABASE_URL } = process.env;

  before(async () => {
    process.env['DATABASE_URL'] = process.env['FLEET_URL'] = await sharedUrl();
    mkdirSync(folder, { recursive: true });
    for (const { file, code } of modules()) writeFileSync(`${folder}/${file}`, code);
    // The ports of the documentation may be taken where this runs.
    const ports = { 3000: await freePort(), 8081: await freePort() };
    const elsewhere = (code: string) => code.replaceAll(/\b(?:3000|8081)\b/g, (port) => `${ports[port as '3000']}`);
    for (const snippet of all) writeFileSync(fileOf(snippet), elsewhere(snippet.code));
  });

  after(() => {
    if (FLEET_URL === undefined) delete process.env['FLEET_URL'];
    if (DATABASE_URL === undefined) delete process.env['DATABASE_URL'];
    else process.env['DATABASE_URL'] = DATABASE_URL;
    rmSync(folder, { recursive: true });
  });

  it('has an example for every public function, class and constant', () => {
    const indexes = ['', 'fleet/', 'inspect/', 'otel/', 'testing/', 'threads/']
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

  it('compiles', function () {
    this.timeout(60_000);
    const { config } = ts.readConfigFile('tsconfig.json', (path) => readFileSync(path, 'utf8')) as { config: object };
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.');
    const program = ts.createProgram(all.map(fileOf), { ...options, isolatedDeclarations: false, declaration: false });
    const messages = ts
      .getPreEmitDiagnostics(program)
      .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
    expect(messages).to.deep.equal([]);
  });

  for (const snippet of all.filter((one) => !Object.values(runs).some((how) => isOf(how)(one)))) {
    it(`does what it says at ${snippet.place}`, async () => {
      expect(await printed(snippet)).to.deep.equal(snippet.prints);
    });
  }

  for (const snippet of all.filter(isOf(runs.asTest))) {
    it(`passes as a test, and fails as it says, at ${snippet.place}`, async () => {
      const file = fileOf(snippet);
      const test = () => new Program(process.execPath, ['--import', 'tsx', '--test', file]).ended;
      expect(await test()).to.include({ code: 0 });
      writeFileSync(file, snippet.code.replaceAll('ordered', 'parallel'));
      const { code, stdout } = await test();
      expect(trimmed(stdout)).to.include(trimmed(shownIn('docs/testing.md')));
      expect(code).to.equal(1);
    });
  }

  for (const snippet of all.filter(isOf(runs.asProcess))) {
    it(`runs as a process, until a Ctrl-C, at ${snippet.place}`, async () => {
      const program = new Program(process.execPath, ['--import', 'tsx', fileOf(snippet)]);
      await program.says('\n');
      program.kill('SIGINT');
      const { code, stdout, stderr } = await program.ended;
      expect([code, stderr]).to.deep.equal([0, '']);
      if (snippet.prints.length > 0) expect(stdout.trimEnd().split('\n')).to.deep.equal(snippet.prints);
      else expect(shape(stdout)).to.equal(shape(shownIn('README.md')));
    });
  }
});

/** What a file shows of its first example. */
function shownIn(file: string): string {
  const shown = /```text\n([\s\S]*?)```/.exec(readFileSync(file, 'utf8'))?.[1];
  return shown ?? expect.fail('It shows nothing');
}

/** Without indents. */
function trimmed(output: string): string {
  return output.replaceAll(/^ +/gm, '');
}

/** Without how long things took. */
function shape(output: string): string {
  return output.replaceAll(/[\d.]+ m?s/g, 'N ms');
}
