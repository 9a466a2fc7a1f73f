import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import ts from 'typescript';

const guide = readFileSync('docs/from-bullmq-and-pg-boss.md', 'utf8');

/** The types of the options, by the headings of the guide whose tables have a row for each. */
const headings: readonly (readonly [heading: string, packageName: string, types: readonly string[]])[] = [
  [
    "BullMQ's options",
    'bullmq',
    ['JobsOptions', 'DeduplicationOptions', 'RepeatOptions', 'QueueOptions', 'WorkerOptions', 'QueueEventsOptions'],
  ],
  ["pg-boss's options", 'pg-boss', ['SendOptions', 'ScheduleOptions', 'Queue', 'WorkOptions', 'ConstructorOptions']],
];

/** Returns the names of the options of a package's types. */
function optionsOf(packageName: string, typeNames: readonly string[]): string[] {
  const file = 'types-of-peers.ts';
  const text = `import type { ${typeNames.join(', ')} } from '${packageName}';\n${typeNames
    .map((name, n) => `export type T${n} = Required<${name}>;`)
    .join('\n')}`;
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    target: ts.ScriptTarget.ES2022,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const [getSourceFile, fileExists] = [host.getSourceFile.bind(host), host.fileExists.bind(host)];
  host.getSourceFile = (name, ...rest) =>
    name.endsWith(file) ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022) : getSourceFile(name, ...rest);
  host.fileExists = (name) => name.endsWith(file) || fileExists(name);
  const program = ts.createProgram([file], options, host);
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  if (!source) throw new Error(`Expected the program to have ${file}`);
  return source.statements
    .filter(ts.isTypeAliasDeclaration)
    .flatMap((alias) => checker.getTypeAtLocation(alias).getProperties())
    .map(({ name }) => name);
}

describe('The guide from BullMQ and pg-boss', () => {
  for (const [heading, packageName, types] of headings)
    it(`has a row for each of ${heading}`, () => {
      const section = guide.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
      const cells = section.split('\n').map((line) => (line.startsWith('|') ? line.split('|')[1] : ''));
      const named = new Set(cells.flatMap((cell = '') => Array.from(cell.matchAll(/`([^`]+)`/g), ([, name]) => name)));
      const options = optionsOf(packageName, types);
      expect(options).to.have.length.above(60);
      // Names with two underscores at the beginning are for the package's own tests.
      expect(options.filter((option) => !named.has(option) && !option.startsWith('__'))).to.deep.equal([]);
    });
});
