// Packs the library, and checks a program that uses all its entry points with each version of TypeScript, as an ES
// module and as a CommonJS module, in each way to resolve modules. Types of packages are checked, too.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const root = here('../..');

/**
 * The kinds of module, and the settings of `module` and `moduleResolution`. `from` is the first version that has them,
 * `worksFrom` the first with which they find the types. From 5.8 on a CommonJS module may load an ES module.
 */
const settings = [
  { type: 'module', module: 'nodenext' },
  { type: 'module', module: 'nodenext', exactOptionalPropertyTypes: false },
  { type: 'module', module: 'esnext', moduleResolution: 'bundler' },
  { type: 'commonjs', module: 'nodenext', worksFrom: 5.8 },
  { type: 'commonjs', module: 'node20', from: 5.9 },
  { type: 'commonjs', module: 'node16', worksFrom: Infinity },
  { type: 'commonjs', module: 'preserve', moduleResolution: 'bundler' },
  { type: 'commonjs', module: 'commonjs', moduleResolution: 'bundler', from: 6 },
  { type: 'commonjs', module: 'commonjs', moduleResolution: 'node10', worksFrom: Infinity },
];

const versions = readdirSync(here('node_modules'))
  .map((name) => /^typescript-(.+)$/.exec(name)?.[1])
  .filter(Boolean);

/** The parsed files of types, which the checks of one version share. */
const parsed = new Map();

const project = mkdtempSync(join(tmpdir(), 'rxjs-tasks-'));
let failed = false;
try {
  installInto(project);
  for (const version of versions) {
    const { default: ts } = await import(`typescript-${version}`);
    for (const { from = 0, worksFrom = 0, ...setting } of settings) {
      if (Number(version) < from) continue;
      const [error] = check(ts, setting);
      const isExpected = (error === undefined) === Number(version) >= worksFrom;
      failed ||= !isExpected;
      console.log(isExpected ? '✔' : '✗', version, ...Object.values(setting), error ? `fails: ${error}` : 'works');
    }
  }
} finally {
  rmSync(project, { recursive: true });
}
if (failed) process.exitCode = 1;

/** Unpacks the library beside the packages that it uses, whose types are checked with it. */
function installInto(directory) {
  const modules = join(directory, 'node_modules');
  mkdirSync(join(modules, 'rxjs-tasks'), { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules')).filter((name) => !name.startsWith('.')))
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', directory, root];
  const [{ filename }] = JSON.parse(execFileSync('npm', args, { encoding: 'utf8' }));
  const tarball = join(directory, filename);
  execFileSync('tar', ['xzf', tarball, '--strip-components=1', '-C', join(modules, 'rxjs-tasks')]);
}

/** Returns the errors of the program, each as one line. */
function check(ts, { type, ...setting }) {
  const file = join(project, 'program.ts');
  copyFileSync(here('program.ts'), file);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type }));
  const json = {
    target: 'es2022',
    lib: ['es2023'],
    types: ['node'],
    exactOptionalPropertyTypes: true,
    ...setting,
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    ...(ts.versionMajorMinor === '6.0' && { ignoreDeprecations: '6.0' }),
  };
  const { options, errors } = ts.convertCompilerOptionsFromJson(json, project);
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile;
  host.getSourceFile = (name, format, ...rest) => {
    if (name === file) return read(name, format, ...rest);
    const key = [ts.version, name, JSON.stringify(format)].join();
    if (!parsed.has(key)) parsed.set(key, read(name, format, ...rest));
    return parsed.get(key);
  };
  const program = ts.createProgram([file], options, host);
  return [...errors, ...ts.getPreEmitDiagnostics(program)].map(({ file, code, messageText }) => {
    const where = file ? `${file.fileName.replace(/.*node_modules\//, '').replace(`${project}/`, '')}: ` : '';
    return `${where}TS${code} ${ts.flattenDiagnosticMessageText(messageText, ' ').slice(0, 200)}`;
  });
}
