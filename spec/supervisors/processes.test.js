import { deepEqual, equal } from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { Project, stoppedOnce } from './project.js';

const endOfChannel = 'The IPC channel to the parent process has ended';
let project;
beforeEach(() => (project = new Project({ DISCONNECT: 'true' })));
afterEach(() => project.remove());

test('coreutils `timeout` ends an application gracefully when the time is up', async () => {
  const program = project.start('timeout', ['3600', 'node', 'app.js']);
  await project.wrote('http up');
  // Its timer sends this signal to itself.
  program.kill('SIGALRM');
  equal(await program.ended, 124);
  deepEqual(project.processes(), [stoppedOnce('Received SIGTERM')]);
});

test('coreutils `timeout` forwards the signals that it receives', async () => {
  const program = project.start('timeout', ['3600', 'node', 'app.js']);
  await project.wrote('http up');
  program.killGroup('SIGINT');
  equal(await program.ended, 0);
  deepEqual(project.processes(), [stoppedOnce('Received SIGINT')]);
});

test('a cluster of which all processes receive a signal', async () => {
  const program = project.start('node', ['cluster.js']);
  await project.wrote('http up', 2);
  program.killGroup('SIGINT');
  equal(await program.ended, 0);
  equal(project.processes().length, 2);
  // Each worker receives the signal and the end of its channel, in any order.
  for (const lines of project.processes()) {
    const cause = lines.includes('clean: Received SIGINT') ? 'Received SIGINT' : endOfChannel;
    deepEqual(lines, stoppedOnce(cause));
  }
});

test('a cluster of which the primary receives a signal, and disconnects its workers', async () => {
  const program = project.start('node', ['cluster.js']);
  await project.wrote('http up', 2);
  program.kill('SIGTERM');
  equal(await program.ended, 0);
  deepEqual(project.processes(), [stoppedOnce(endOfChannel), stoppedOnce(endOfChannel)]);
});

test('a cluster of which the primary is killed', async () => {
  const program = project.start('node', ['cluster.js']);
  await project.wrote('http up', 2);
  program.kill('SIGKILL');
  await project.wrote('exit 0', 2);
  deepEqual(project.processes(), [stoppedOnce(endOfChannel), stoppedOnce(endOfChannel)]);
});

test('a forked child whose parent is killed', async () => {
  const program = project.start('node', ['parent.js']);
  await project.wrote('http up');
  program.kill('SIGKILL');
  await project.wrote('exit 0');
  deepEqual(project.processes(), [stoppedOnce(endOfChannel)]);
});
