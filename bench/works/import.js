import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const title = 'import: a process that imports an entry point and ends';
export const unit = 'ms';
export const sizes = [1];
export const label = () => '';
export const repetitions = 15;

const dist = (entry) => fileURLToPath(new URL(`../../dist/${entry}.js`, import.meta.url));
/** The packages that each entry point imports. Those that it loads on demand, such as `pg`, are not among them. */
const packages = {
  fleet: ['rxjs', 'pg-boss', 'node:net', 'node:fs/promises'],
  http: ['rxjs', 'node:http', 'node:tls'],
  inspect: ['rxjs', 'node:http', 'node:crypto', 'node:zlib'],
  otel: ['rxjs', '@opentelemetry/api'],
  testing: ['rxjs'],
  threads: ['rxjs', 'piscina'],
};

export const contenders = {
  'rxjs-tasks': [dist('index')],
  rxjs: ['rxjs'],
  ...Object.fromEntries(
    Object.entries(packages).flatMap(([entry, names]) => [
      [`rxjs-tasks/${entry}`, [dist(`${entry}/index`)]],
      [`the packages of ${entry}`, names],
    ]),
  ),
};

export async function measure(contender) {
  const code = contenders[contender].map((name) => `import '${name}';`).join('');
  const start = performance.now();
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code]);
  return performance.now() - start;
}

export const targets = [
  { what: 'a process that imports it', n: 1, against: 'rxjs', ratio: 1.08 },
  ...Object.keys(packages).map((entry) => ({
    what: `a process that imports \`${entry}\``,
    n: 1,
    ours: `rxjs-tasks/${entry}`,
    against: `the packages of ${entry}`,
    ratio: 1.05,
  })),
];
