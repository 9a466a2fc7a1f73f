// Packs the library, installs it into an empty project, and tests it there on this Node, on Bun and on Deno, with the
// oldest supported version of rxjs and with the newest.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkSignals } from './signals.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
// npm installs `deno` as a launcher that does not forward signals, so find the real executable.
const deno = execFileSync(here('node_modules/.bin/deno'), ['eval', 'console.log(Deno.execPath())'], {
  encoding: 'utf8',
});
const runtimes = {
  Node: [process.execPath],
  Bun: [here('node_modules/.bin/bun')],
  Deno: [deno.trim(), 'run', '--quiet', '--allow-all', '--node-modules-dir=manual'],
};

const project = mkdtempSync(join(tmpdir(), 'rxjs-tasks-'));
try {
  const [{ filename }] = JSON.parse(
    npm('pack', '--json', '--ignore-scripts', '--pack-destination', project, here('../..')),
  );
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  for (const file of ['smoke.js', 'app.js', 'required.cjs', 'square.js']) copyFileSync(here(file), join(project, file));
  for (const rxjs of ['7.8.0', '^7.8.0']) {
    npm('install', `./${filename}`, `rxjs@${rxjs}`, 'piscina@^5.3.0');
    const { version } = JSON.parse(readFileSync(join(project, 'node_modules/rxjs/package.json'), 'utf8'));
    for (const [name, command] of Object.entries(runtimes)) {
      const [path, ...options] = command;
      console.log(`${name} ${execFileSync(path, ['--version'], { encoding: 'utf8' }).split('\n')[0]}, rxjs ${version}`);
      const { status } = spawnSync(path, [...options, 'smoke.js'], {
        cwd: project,
        stdio: 'inherit',
        timeout: 600_000,
      });
      if (status !== 0 || !(await checkSignals(command, project))) process.exitCode = 1;
    }
  }
} finally {
  rmSync(project, { recursive: true });
}

function npm(...args) {
  return execFileSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: project,
    encoding: 'utf8',
  });
}
