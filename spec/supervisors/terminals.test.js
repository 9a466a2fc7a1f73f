import { deepEqual, equal } from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { bin, Project, stoppedOnce } from './project.js';

let project;
beforeEach(() => (project = new Project()));
afterEach(() => project.remove());

/** The commands, and their exit codes. That of npm depends on its version. */
const commands = [
  ['npm run', ['npm', 'run', 'start']],
  ['npm run and exec', ['npm', 'run', 'start:exec']],
  ['nodemon', [bin('nodemon'), 'app.js'], 130],
  ['concurrently', [bin('concurrently'), 'node app.js'], 0],
];

for (const [name, [command, ...args], expected] of commands) {
  test(`a Ctrl-C for all processes under ${name} stops an application once`, async () => {
    const program = project.start(command, args);
    await project.wrote('http up');
    program.killGroup('SIGINT');
    const code = await program.ended;
    equal(code, expected ?? code);
    deepEqual(project.processes(), [stoppedOnce('Received SIGINT')]);
  });

  test(`a Ctrl-C on a terminal under ${name} stops an application once`, async () => {
    // Without `exec`, a Ctrl-C would interrupt the shell, too, and change the exit code.
    const line = `exec ${[command, ...args].map((word) => `'${word}'`).join(' ')}`;
    const program = project.start('script', ['--quiet', '--return', '--command', line, '/dev/null']);
    await project.wrote('http up');
    program.type('\u0003');
    const code = await program.ended;
    equal(code, expected ?? code);
    deepEqual(project.processes(), [stoppedOnce('Received SIGINT')]);
  });
}

test('npm forwards a signal to an application that replaces its shell', async () => {
  const program = project.start('npm', ['run', 'start:exec']);
  await project.wrote('http up');
  program.kill('SIGTERM');
  equal(await program.ended, 0);
  deepEqual(project.processes(), [stoppedOnce('Received SIGTERM')]);
});

test('concurrently ends an application when another command ends', async () => {
  const program = project.start(bin('concurrently'), [
    '--kill-others',
    'node app.js',
    'until [ -e done ]; do sleep 0.1; done',
  ]);
  await project.wrote('http up');
  await project.run('touch', ['done']);
  equal(await program.ended, 1);
  deepEqual(project.processes(), [stoppedOnce('Received SIGTERM')]);
});
