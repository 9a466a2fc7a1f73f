import { build, type Format } from 'esbuild';
import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newSchema, sharedUrl } from '../helpers/fleet.js';
import { Program } from '../helpers/program.js';

const contents = `
  import * as core from './index.js';
  import * as fleet from './fleet/index.js';
  import * as http from './http/index.js';
  import * as inspect from './inspect/index.js';
  import * as otel from './otel/index.js';
  import * as testing from './testing/index.js';
  import * as threads from './threads/index.js';

  const entries = { core, fleet, http, inspect, otel, testing, threads };
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
/** CommonJS packages in an ES module need a `require`, as esbuild's documentation says. */
const banner = `import { createRequire as createRequireHere } from 'node:module';
const require = createRequireHere(import.meta.url);`;

describe('One file that is bundled by esbuild', () => {
  let directory: string;

  before(async () => (directory = await mkdtemp(join(tmpdir(), 'bundle-'))));
  after(() => rm(directory, { recursive: true }));

  /** Bundles all entry points, without any package left outside, and runs a fleet of one process. */
  async function expectToRun(format: Format, extension: string): Promise<void> {
    const outfile = join(directory, `bundle${extension}`);
    await build({
      stdin: { contents, resolveDir: fileURLToPath(new URL('../../lib', import.meta.url)) },
      bundle: true,
      format,
      platform: 'node',
      external: ['pg-native'],
      ...(format === 'esm' && { banner: { js: banner } }),
      outfile,
      logLevel: 'silent',
    });
    const input = JSON.stringify({ url: await sharedUrl(), schema: newSchema() });
    const { code, stdout, stderr } = await new Program(process.execPath, [outfile, input]).ended;
    expect([code, stdout, stderr]).to.deep.equal([0, '7\n49\n', '']);
  }

  it('has all entry points and runs a fleet, as an ES module', () => expectToRun('esm', '.mjs'));

  it('has all entry points and runs a fleet, as a CommonJS module', () => expectToRun('cjs', '.cjs'));
});
