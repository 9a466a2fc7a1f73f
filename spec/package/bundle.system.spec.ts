import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleWithEsbuild, bundleWithRollup } from '../helpers/bundles.js';
import { newSchema, sharedUrl } from '../helpers/fleet.js';
import { install, pack } from '../helpers/packed.js';
import { Program } from '../helpers/program.js';

const entries = ['core', 'fleet', 'http', 'inspect', 'otel', 'testing', 'threads'];
const nameOf = (entry: string) => (entry === 'core' ? 'rxjs-tasks' : `rxjs-tasks/${entry}`);

const packages = ['@electric-sql/pglite', '@opentelemetry/api', 'croner', 'pg', 'pg-boss', 'piscina', 'rxjs'];

const contents = `
  ${entries.map((entry) => `import * as ${entry} from '${nameOf(entry)}';`).join('\n  ')}

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
  import { threadPool } from 'rxjs-tasks/threads';

  const pool = threadPool({ threads: 1, ...JSON.parse(process.argv[2]) });
  const square = 'data:text/javascript,export default (n) => n * n';
  pool.run(square, 7).subscribe({
    next: (value) => console.log(value),
    error: ({ message }) => console.log(message),
    complete: () => pool.close(),
  });
`;

describe('The package, bundled', () => {
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'bundle-'));
    await install(await pack(join(directory, 'source')), directory);
  });
  after(() => rm(directory, { recursive: true }));

  for (const [name, bundle] of [
    ['esbuild', bundleWithEsbuild],
    ['rollup', bundleWithRollup],
  ] as const)
    for (const [kind, format, extension] of [
      ['an ES module', 'esm', '.mjs'],
      ['a CommonJS module', 'cjs', '.cjs'],
    ] as const)
      describe(`by ${name} into one file, ${kind},`, () => {
        const inDirectory = (file: string) => join(directory, `${name}-${file}${extension}`);
        const run = async (file: string, input: object) => {
          const { code, stdout, stderr } = await new Program(process.execPath, [file, JSON.stringify(input)]).ended;
          return [code, stdout, stderr];
        };

        for (const entry of name === 'esbuild' ? entries : [])
          it(`can be loaded with ${entry} alone, and with all other packages outside`, async () => {
            const outfile = inDirectory(entry);
            const source = `import * as entry from '${nameOf(entry)}'; console.log(Object.keys(entry).length > 0);`;
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
          const worker = `export * from 'rxjs-tasks/threads/worker'`;
          await bundle({ contents: worker, outfile: workerFile, format, external });
          expect(await run(outfile, { workerFile })).to.deep.equal([0, '49\n', '']);
        });
      });
});
