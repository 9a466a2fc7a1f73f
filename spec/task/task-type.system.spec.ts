import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

describe('The type of `task`', () => {
  it('shows the wrong type of a function or a hook that does not fit an explicit type argument', () => {
    const wrong = "task<string>('x', async () => 1);";
    const wrongHook = "task<string>('x', { execute: async () => 1 });";
    const [ofFunction = '', ofHook = ''] = messagesOf(
      `import { task } from '${root}lib/index.js';\n${wrong}\n${wrongHook}\n`,
    );
    for (const message of [ofFunction, ofHook]) {
      expect(message).to.contain("Type 'Promise<number>' is not assignable to type 'TaskOutput<string>'");
      expect(message).not.to.match(/No overload|TaskDefinition/);
    }
  });
});

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Returns the messages of the compiler for a file that does not exist on disk. */
function messagesOf(source: string): string[] {
  const name = `${root}spec/task/in-memory.ts`;
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile.bind(ts.sys)) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root);
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    readFile: (file) => (file === name ? source : disk.readFile(file)),
    fileExists: (file) => file === name || disk.fileExists(file),
    getSourceFile: (file, version) =>
      file === name ? ts.createSourceFile(file, source, version) : disk.getSourceFile(file, version),
  };
  const program = ts.createProgram([name], options, host);
  const diagnostics = program.getSemanticDiagnostics(program.getSourceFile(name));
  return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}
