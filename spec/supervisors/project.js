import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Returns the path of a program that is installed here. */
export const bin = (name) => here(`node_modules/.bin/${name}`);

/** A directory with the programs and the built library, and a log of all that they do. */
export class Project {
  directory = mkdtempSync(join(tmpdir(), 'rxjs-tasks-'));
  #log = join(this.directory, 'steps.log');
  #env;
  #programs = [];

  /** @param env environment variables for all programs. */
  constructor(env = {}) {
    this.#env = { ...process.env, ...env, LOG: this.#log };
    writeFileSync(this.#log, '');
    const scripts = { start: 'node app.js', 'start:exec': 'exec node app.js' };
    writeFileSync(join(this.directory, 'package.json'), JSON.stringify({ type: 'module', scripts }));
    for (const file of ['app.js', 'cluster.js', 'parent.js']) copyFileSync(here(file), join(this.directory, file));
    mkdirSync(join(this.directory, 'node_modules'));
    symlinkSync(here('../..'), join(this.directory, 'node_modules/rxjs-tasks'));
    symlinkSync(here('../../node_modules/rxjs'), join(this.directory, 'node_modules/rxjs'));
  }

  /** Starts a program as the leader of a process group of its own. */
  start(command, args, env = {}) {
    const child = spawn(command, args, { cwd: this.directory, env: { ...this.#env, ...env }, detached: true });
    this.#programs.push(child);
    child.stdout.resume();
    child.stderr.resume();
    const ended = once(child, 'exit').then(([code, signal]) => code ?? signal);
    return {
      ended,
      kill: (signal) => child.kill(signal),
      killGroup: (signal) => process.kill(-child.pid, signal),
      type: (text) => child.stdin.write(text),
    };
  }

  /** Runs a command to its end. */
  async run(command, args, env) {
    return this.start(command, args, env).ended;
  }

  /** Changes the program, so that a watcher restarts it. */
  edit() {
    appendFileSync(join(this.directory, 'app.js'), '\n');
  }

  /** Returns the lines of each process, without its pid, in the order of their starts. */
  processes() {
    return [...this.#linesByPid().values()];
  }

  /** Returns the lines of all processes in the order in which they were written, each with the pid. */
  lines() {
    return readFileSync(this.#log, 'utf8').split('\n').filter(Boolean);
  }

  #linesByPid() {
    const lines = new Map();
    for (const line of this.lines()) {
      const [, pid, text] = /^(\d+) (.*)$/.exec(line);
      lines.set(pid, [...(lines.get(pid) ?? []), text]);
    }
    return lines;
  }

  /** Resolves when a line has been written so many times. */
  async wrote(text, times = 1) {
    while (this.lines().filter((line) => line.endsWith(` ${text}`)).length < times) await sleep(20);
  }

  /** Kills what is left, and removes the files. */
  remove() {
    for (const { pid } of this.#programs) kill(-pid);
    for (const [pid, lines] of this.#linesByPid()) if (!lines.at(-1).startsWith('exit')) kill(Number(pid));
    rmSync(this.directory, { recursive: true });
  }
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has ended.
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Returns the lines of a process that is stopped once, and finalizes everything. */
export function stoppedOnce(cause, exit = 'exit 0') {
  return [
    ...['db up', 'http up', 'http finalizing', 'http finalized', 'db finalizing', 'db finalized'],
    ...[`clean: ${cause}`, exit].filter(Boolean),
  ];
}
