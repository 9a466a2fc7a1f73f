import { deepEqual, equal } from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { bin, Project, stoppedOnce } from './project.js';

const nodemon = [bin('nodemon'), '--delay', '0.1'];
const withRestart = 'SIGINT,SIGTERM,SIGUSR2';
let project;
afterEach(() => project.remove());

/** Starts a watcher, edits the application, and waits for its restart. */
async function restart([command, ...args], env) {
  project = new Project(env);
  const program = project.start(command, [...args, 'app.js']);
  await project.wrote('http up');
  project.edit();
  // The watcher may not have been watching yet.
  const timer = setInterval(() => project.lines().length === 2 && project.edit(), 3000);
  await project.wrote('http up', 2);
  clearInterval(timer);
  return program;
}

/** Expects that the old process of a restart has exited before the new one started. */
function expectRestarted(cause) {
  const [old, ...others] = project.processes();
  deepEqual(old, stoppedOnce(cause));
  equal(others.length, 1);
  const pids = project.lines().map((line) => Number.parseInt(line, 10));
  deepEqual(pids, [...pids.filter((pid) => pid === pids[0]), ...pids.filter((pid) => pid !== pids[0])]);
}

/** Expects that the second process was stopped, too, with an exit code of the watcher. */
async function expectStopped(program, cause, expected) {
  equal(await program.ended, expected);
  await project.wrote('exit 0', 2);
  deepEqual(project.processes()[1], stoppedOnce(cause));
}

test('nodemon restarts an application with SIGUSR2, and stops it with Ctrl-C', async () => {
  const program = await restart(nodemon, { SIGNALS: withRestart });
  expectRestarted('Received SIGUSR2');
  program.killGroup('SIGINT');
  await expectStopped(program, 'Received SIGINT', 130);
});

test('nodemon restarts an application with another signal, and stops it with two', async () => {
  const program = await restart([...nodemon, '--signal', 'SIGTERM']);
  expectRestarted('Received SIGTERM');
  program.kill('SIGTERM');
  // It forwards the signal, and sends SIGINT.
  await expectStopped(program, 'Received SIGTERM', 143);
});

test('nodemon restarts an application whose tasks end before its second signal', async () => {
  await restart(nodemon, { SIGNALS: withRestart, FINALIZE_MS: '0', FLUSH_MS: '300' });
  expectRestarted('Received SIGUSR2');
});

test('nodemon kills an application to which SIGUSR2 is unknown', async () => {
  await restart(nodemon);
  deepEqual(project.processes()[0], ['db up', 'http up']);
});

for (const [name, command] of [
  ['tsx watch', [bin('tsx'), 'watch']],
  ['node --watch', ['node', '--watch']],
])
  test(`${name} restarts an application, and stops it with Ctrl-C`, async () => {
    const program = await restart(command);
    expectRestarted('Received SIGTERM');
    program.killGroup('SIGINT');
    await expectStopped(program, 'Received SIGINT', 0);
  });
