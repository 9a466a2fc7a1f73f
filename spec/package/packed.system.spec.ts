import { build } from 'esbuild';
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { links } from '../helpers/links.js';
import { install, pack, type Packed } from '../helpers/packed.js';
import { Program } from '../helpers/program.js';

interface SourceMap {
  readonly sources: readonly string[];
  readonly sourcesContent?: unknown;
  readonly mappings: string;
}

const entries = ['', '/fleet', '/http', '/inspect', '/otel', '/testing', '/threads'];

describe('The packed package', () => {
  let directory: string;
  let packed: Packed;
  let installed: string;
  const inPackage = (path: string) => readFile(join(installed, path), 'utf8');
  const scripts = () => packed.files.filter((file) => file.startsWith('dist/') && file.endsWith('.js'));

  /** Runs a module in the project that the package is installed in, and returns its output. */
  const run = async (source: string, ...options: string[]) => {
    const file = join(directory, 'program.mjs');
    await writeFile(file, source);
    const { code, stdout, stderr } = await new Program(process.execPath, [...options, file]).ended;
    expect(code, stderr).to.equal(0);
    return stdout + stderr;
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'packed-'));
    packed = await pack(join(directory, 'source'));
    installed = await install(packed, directory);
  });
  after(() => rm(directory, { recursive: true }));

  it('is the same, byte for byte, when it is built again', async () => {
    const again = await pack(join(directory, 'again'));
    const hash = async ({ tarball }: Packed) =>
      createHash('sha256')
        .update(await readFile(tarball))
        .digest('hex');
    expect(await hash(again)).to.equal(await hash(packed));
  });

  it('has a file of JavaScript for each entry point, and for what they share', () => {
    expect(scripts()).to.have.members([
      ...['dist/index.js', 'dist/fleet/index.js', 'dist/http/index.js', 'dist/inspect/index.js', 'dist/otel/index.js'],
      ...['dist/testing/index.js', 'dist/threads/index.js', 'dist/threads/worker.js'],
      ...['dist/core.js', 'dist/cron.js', 'dist/jobs.js', 'dist/terminal.js'],
    ]);
  });

  it('has a source map for each of them, and the sources', async () => {
    for (const file of scripts()) {
      expect(await inPackage(file)).to.match(new RegExp(`\n//# sourceMappingURL=${basename(file)}\\.map\n$`));
      const { sources, sourcesContent, mappings } = JSON.parse(await inPackage(`${file}.map`)) as SourceMap;
      expect(sourcesContent).to.equal(undefined);
      // An entry point may only re-export.
      expect(mappings.length > 100 && sources.length > 0).to.equal(file !== 'dist/index.js');
      for (const source of sources) expect(packed.files).to.include(join(dirname(file), source));
    }
  });

  it('has the functions of a stack in its sources', async () => {
    const code = `
      import { task } from 'rxjs-tasks';
      try { task('x', 1); } catch (error) { console.log(error.stack); }
    `;
    expect(await run(code)).to.match(/node_modules\/rxjs-tasks\/dist\/core\.js:\d+/);
    const [, line] =
      /node_modules\/rxjs-tasks\/lib\/task\/task\.ts:(\d+)/.exec(await run(code, '--enable-source-maps')) ?? [];
    expect((await inPackage('lib/task/task.ts')).split('\n')[Number(line) - 1]).to.match(/throw|return/);
  });

  it('leaves its own frames out of the stack of a printed TaskError, with source maps and without', async () => {
    const code = `
      import { launch, task } from 'rxjs-tasks';
      const { outcomes } = await launch([task('x', async function broken() { throw new Error('no'); })]);
      console.log(outcomes[0].error);
    `;
    for (const options of [[], ['--enable-source-maps']]) {
      const text = await run(code, ...options);
      expect(text).to.include('x failed in execute: no').and.include('program.mjs');
      expect(text).not.to.match(/rxjs-tasks\/(dist|lib)/);
    }
  });

  it('exports the same names as its sources, and does nothing when it is imported', async () => {
    const names = await run(`
      const events = () => process.eventNames().map((name) => [name, process.listenerCount(name)]).join(' ');
      for (const name of ['rxjs', 'pg-boss', 'piscina', '@opentelemetry/api']) await import(name);
      const before = [events(), process.getActiveResourcesInfo().join()];
      const names = [];
      for (const entry of ${JSON.stringify(entries)})
        names.push(Object.keys(await import('rxjs-tasks' + entry)));
      const after = [events(), process.getActiveResourcesInfo().join()];
      if (before.join() !== after.join()) throw new Error(before.join() + ' became ' + after.join());
      console.log(JSON.stringify(names));
    `);
    const sources = entries.map((entry) => import(`../../lib${entry}/index.js`) as Promise<object>);
    expect(JSON.parse(names)).to.deep.equal((await Promise.all(sources)).map((source) => Object.keys(source).sort()));
  });

  it('has the program of its threads', async () => {
    const text = await run(`
      import { firstValueFrom } from 'rxjs';
      import { threadPool } from 'rxjs-tasks/threads';
      const pool = threadPool({ threads: 1 });
      console.log(await firstValueFrom(pool.run('data:text/javascript,export default (n) => n * n', 7)));
      await pool.close();
    `);
    expect(text).to.equal('49\n');
    expect(await inPackage('dist/threads/worker.js')).not.to.match(/from '(rxjs|croner|\.)/);
  });

  it('loads the live view only when it is shown', async () => {
    const text = await run(`
      import { runMain, task } from 'rxjs-tasks';
      await runMain([task('x', async () => undefined)], { ui: 'lines' });
    `);
    expect(text).to.match(/completed +x/);
    for (const file of scripts())
      if (file !== 'dist/inspect/index.js') expect(await inPackage(file)).not.to.match(/from '[./]+terminal\.js'/);
  });

  it('has its guides and examples, whose links lead to files of the package', async () => {
    const pages = packed.files.filter((file) => /^[^/]+\.md$|^(docs|examples)\/.*\.md$/.test(file));
    expect(pages).to.include.members(['README.md', 'SECURITY.md', 'docs/README.md', 'examples/README.md']);
    for (const page of pages)
      for (const link of links(await inPackage(page))) {
        const path = link.replace(/#.*/, '');
        // Those about the specs are in the repository alone.
        if (path === '' || /(survivors|spec\/README)\.md$/.test(path)) continue;
        const target = relative('.', resolve(dirname(page), path));
        expect(packed.files, `${page}: ${link}`).to.include(target);
      }
  });

  it('leaves almost nothing in a bundle that uses nothing of a chunk', async () => {
    for (const chunk of ['core', 'cron', 'jobs', 'http/index', 'otel/index', 'threads/index']) {
      // Outside of the package, whose package.json would say that no module has side effects.
      const copy = join(directory, 'chunk.mjs');
      await writeFile(copy, await inPackage(`dist/${chunk}.js`));
      const { outputFiles } = await build({
        stdin: { contents: `import '${copy}'`, resolveDir: directory },
        bundle: true,
        minify: true,
        format: 'esm',
        external: ['./core.js', '../core.js', './jobs.js', './terminal.js', 'node:*'],
        packages: 'external',
        write: false,
      });
      const left = (outputFiles[0]?.text ?? '').replaceAll(/import(\{[^}]*\}from)?"[^"]*";/g, '');
      expect(left.length, `${chunk}: ${left}`).to.be.below(700);
    }
  });

  it('has examples that run where it is installed', async () => {
    const example = join(installed, 'examples/nightshift.ts');
    const args = ['--import', 'tsx', example, '--zone', 'Europe/Paris', '--replay', '2026-03-29'];
    const { code, stdout } = await new Program(process.execPath, args).ended;
    expect(code).to.equal(0);
    expect(stdout).to.match(/^2026-03-29 03:00:00 \+02:00 +report +starts$/m);
  });
});
