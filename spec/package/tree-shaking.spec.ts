import { build } from 'esbuild';
import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** What is bundled of the library for someone who imports this of it: the files, what they import themselves, and the size. */
async function bundled(contents: string): Promise<{ files: string[]; imports: string[]; gzipped: number }> {
  const { metafile, outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('..', import.meta.url)) },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    external: ['rxjs', 'croner'],
    metafile: true,
    write: false,
  });
  const [output] = Object.values(metafile.outputs);
  const files = Object.entries(output?.inputs ?? {})
    .filter(([file, { bytesInOutput }]) => file !== '<stdin>' && bytesInOutput > 0)
    .map(([file]) => file.replace(/^lib\//, ''));
  const imports = new Set(output?.imports.map(({ path }) => path));
  return {
    files: files.sort(),
    imports: [...imports].sort(),
    gzipped: gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length,
  };
}

describe('A bundle', () => {
  it('has of the library what `future` needs, and nothing else, for who imports that alone', async () => {
    const { files, imports, gzipped } = await bundled(`export { future } from '../lib/index.ts'`);
    expect(files).to.deep.equal([
      'context.ts',
      'future.ts',
      'internal/cancelled-error.ts',
      'internal/chain.ts',
      'internal/expect.ts',
      'internal/flow.ts',
      'internal/iterator-of.ts',
      'internal/scope.ts',
      'internal/settling.ts',
      'internal/to-scope.ts',
      'internal/turn.ts',
      'internal/unhandled.ts',
    ]);
    expect(imports).to.deep.equal(['node:events', 'node:util', 'rxjs']);
    expect(gzipped).to.be.below(3100);
  });

  it('has croner only where there is a cron', async () => {
    expect((await bundled(`export { taskRunner } from '../lib/index.ts'`)).imports).not.to.include('croner');
    expect((await bundled(`export { cron } from '../lib/index.ts'`)).imports).to.include('croner');
  });
});
