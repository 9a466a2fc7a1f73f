import { expect } from 'chai';
import { resolve } from 'node:path';
import { compileProgram } from '../helpers/compile-program.js';
import { Program } from '../helpers/program.js';

/** Newer versions of Node load TypeScript themselves. */
const withoutTypes = 'typescript' in process.features ? ['--no-experimental-strip-types'] : [];

describe('A run of a TypeScript module without a loader', () => {
  it('errors with the unknown extension', async () => {
    const program = compileProgram('spec/fixtures/threads/uncompiled.ts');
    const workerFile = compileProgram('lib/threads/worker.ts');
    const args = [...withoutTypes, program, workerFile, resolve('spec/fixtures/threads/work.ts')];
    const { stdout, stderr } = await new Program(process.execPath, args).ended;
    expect([stdout, stderr]).to.deep.equal(['ERR_UNKNOWN_FILE_EXTENSION\n', '']);
  });
});
