import { build } from 'esbuild';
import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** Bundles a module, and returns the files of the library in the bundle, the external imports, and the size. */
async function bundle(contents: string): Promise<{ files: string[]; imports: string[]; gzipped: number }> {
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
  it('of `future` alone has only the files that it needs', async () => {
    const { files, imports, gzipped } = await bundle(`export { future } from '../lib/index.ts'`);
    expect(files).to.deep.equal([
      'context/abort-signal-context.ts',
      'context/cancel-context.ts',
      'context/context.ts',
      'context/is-cancellation.ts',
      'errors/brand.ts',
      'errors/cancelled-error.ts',
      'future/future-state.ts',
      'future/future.ts',
      'task/async-iterator.ts',
      'task/enclosing-run.ts',
      'task/hook-output.ts',
      'util/async-context.ts',
      'util/attempt.ts',
      'util/describe-error.ts',
      'util/error-causes.ts',
      'util/error-parts.ts',
      'util/has-members.ts',
      'util/linked-list.ts',
      'util/log-error.ts',
      'util/print.ts',
      'util/printable.ts',
      'util/report-unhandled.ts',
      'util/settle-on.ts',
      'util/subscriber-listener.ts',
      'util/teardown-errors.ts',
      'util/unhandled-errors.ts',
      'util/validate.ts',
    ]);
    expect(imports).to.deep.equal(['node:async_hooks', 'node:events', 'node:util', 'rxjs']);
    expect(gzipped).to.be.below(6400);
  });

  it('of `httpServer` has its own files, and of the others only those that all tasks need', async () => {
    const { files, imports, gzipped } = await bundle(`export { httpServer } from '../lib/http/index.ts'`);
    expect(files.filter((file) => !/^(context|errors|http|util)\//.test(file))).to.deep.equal([
      'app/application-info.ts',
      'task/task-hooks.ts',
      'task/task.ts',
    ]);
    expect(imports).to.deep.equal(['node:events', 'node:http', 'node:net', 'node:util', 'rxjs']);
    expect(gzipped).to.be.below(7900);
  });

  it('has croner only if it imports `cron`', async () => {
    expect((await bundle(`export { taskRunner } from '../lib/index.ts'`)).imports).not.to.include('croner');
    expect((await bundle(`export { cron } from '../lib/index.ts'`)).imports).to.include('croner');
  });

  it('of the testing kit has no part that connects to a database', async () => {
    const { files, imports } = await bundle(`export * from '../lib/testing/index.ts'`);
    expect(imports.filter((name) => !name.startsWith('node:'))).to.deep.equal(['rxjs']);
    expect(files.filter((file) => file.startsWith('fleet/'))).to.deep.equal([
      'fleet/closed-error.ts',
      'fleet/errors.ts',
      'fleet/event-text.ts',
      'fleet/job-failure.ts',
      'fleet/job-row.ts',
      'fleet/job-run.ts',
      'fleet/job-task.ts',
      'fleet/jsonb.ts',
      'fleet/message-fields.ts',
      'fleet/print-as.ts',
      'fleet/queue-options.ts',
      'fleet/queue-policy.ts',
      'fleet/submit-options.ts',
      'fleet/trigger-outcome.ts',
      'fleet/validate-path.ts',
      'fleet/worker-options.ts',
    ]);
  });
});
