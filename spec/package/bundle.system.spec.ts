import { expect } from 'chai';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWithEsbuild, bundleWithRollup } from '../helpers/bundles.js';
import { newSchema, sharedUrl } from '../helpers/fleet.js';
import { Program } from '../helpers/program.js';

const entries = ['core', 'fleet', 'http', 'inspect', 'otel', 'testing', 'threads'];
const pathOf = (entry: string) => (entry === 'core' ? './index.js' : `./${entry}/index.js`);

const packages = ['@electric-sql/pglite', '@opentelemetry/api', 'croner', 'pg', 'pg-boss', 'piscina', 'rxjs'];

const contents = `
  ${entries.map((entry) => `import * as ${entry} from '${pathOf(entry)}';`).join('\n  ')}

  const entries = { ${entries.join(', ')} };
  console.log(Object.values(entries).filter((entry) => Object.keys(entry).length > 0).length);
  async function run({ url, schema }) {
    const connected = await fleet.connectFleet({ url, schema });
    const squares = connected.queue('squares');
    const app = core.launch([squares.worker((n) => n * n)]);
    squares.submit(7).subscribe({
      next: (square) => console.log(square),
      complete: () => app.stop().then(() => connected.close()),
    });
  }
  void run(JSON.parse(process.argv[2]));
`;

const threads = `
  import { threadPool } from './threads/index.js';

  const pool = threadPool({ threads: 1, ...JSON.parse(process.argv[2]) });
  const square = 'data:text/javascript,export default (n) => n * n';
  pool.run(square, 7).subscribe({
    next: (value) => console.log(value),
    error: ({ message }) => console.log(message),
    complete: () => pool.close(),
  });
`;

for (const [name, bundle] of [
  ['esbuild', bundleWithEsbuild],
  ['rollup', bundleWithRollup],
] as const)
  for (const [kind, format, extension] of [
    ['an ES module', 'esm', '.mjs'],
    ['a CommonJS module', 'cjs', '.cjs'],
  ] as const)
    describe(`One file that ${name} has bundled as ${kind}`, () => {
      let directory: string;
      const inDirectory = (file: string) => join(directory, `${file}${extension}`);
      const run = async (file: string, input: object) => {
        const { code, stdout, stderr } = await new Program(process.execPath, [file, JSON.stringify(input)]).ended;
        return [code, stdout, stderr];
      };

      before(async () => {
        directory = await mkdtemp(join(tmpdir(), 'bundle-'));
        await symlink(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(directory, 'node_modules'));
      });
      after(() => rm(directory, { recursive: true }));

      for (const entry of name === 'esbuild' ? entries : [])
        it(`can be loaded with ${entry} alone, and with all packages outside`, async () => {
          const outfile = inDirectory(entry);
          const source = `import * as entry from '${pathOf(entry)}'; console.log(Object.keys(entry).length > 0);`;
          await bundle({ contents: source, outfile, format, external: packages });
          expect(await run(outfile, {})).to.deep.equal([0, 'true\n', '']);
        });

      it('has all entry points, and runs a fleet', async () => {
        const outfile = inDirectory('all');
        await bundle({ contents, outfile, format, external: ['pg-native'] });
        const input = { url: await sharedUrl(), schema: newSchema() };
        expect(await run(outfile, input)).to.deep.equal([0, '7\n49\n', '']);
      });

      it('runs threads with a bundle of their program, and with piscina outside', async () => {
        const [outfile, workerFile] = [inDirectory('threads'), inDirectory('worker')];
        const external = ['piscina'];
        await bundle({ contents: threads, outfile, format, external });
        await bundle({ contents: `export * from './threads/worker.js'`, outfile: workerFile, format, external });
        expect(await run(outfile, { workerFile })).to.deep.equal([0, '49\n', '']);
      });
    });
