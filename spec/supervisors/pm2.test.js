import { deepEqual, equal } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { bin, Project, stoppedOnce } from './project.js';

const stopped = stoppedOnce('Received SIGINT');
let project;
let home;
beforeEach(() => {
  project = new Project({ PM2_DISABLE_VERSION_CHECK: 'true', FINALIZE_MS: '100' });
  home = join(project.directory, '.pm2');
});
afterEach(async () => {
  await pm2('kill');
  project.remove();
});

/** Runs a command of pm2, whose daemon belongs to the project. */
async function pm2(args, env) {
  equal(await project.run(bin('pm2'), args.split(' '), { PM2_HOME: home, ...env }), 0);
}

/** Starts an application. Ends when it is ready. pm2 kills it when it has not exited in 1.6 s after a request. */
function start(options, env = { LINGER: '100' }) {
  return pm2(`start app.js --name app --wait-ready ${options}`.trim(), env);
}

test('pm2 restarts and deletes an application that exits in time', async () => {
  await start('');
  await pm2('restart app');
  await pm2('delete app');
  deepEqual(project.processes(), [stopped, stopped]);
});

test('pm2 reloads an instance of an application when another is up, and stops it', async () => {
  await start('--instances 1');
  await pm2('reload app');
  await pm2('stop app');
  deepEqual(project.processes(), [stopped, stopped]);
  const steps = project.lines().map((line) => line.replace(/^\d+ /, ''));
  deepEqual(steps.slice(0, 5), ['db up', 'http up', 'db up', 'http up', 'http finalizing']);
});

test('pm2 stops an application that it gives no instruments, and that then exits by itself', async () => {
  await start('--no-pmx', {});
  await pm2('stop app');
  deepEqual(project.processes(), [stopped]);
});

test('pm2 kills an application whose `linger` is longer, when it has finalized', async () => {
  await start('', {});
  await pm2('stop app');
  deepEqual(project.processes(), [stopped.slice(0, -1)]);
});

test('pm2 stops an application with a message', async () => {
  await start('--shutdown-with-message', { LINGER: '100', MESSAGE: 'shutdown' });
  await pm2('stop app');
  deepEqual(project.processes(), [stoppedOnce('Received shutdown')]);
});

for (const [mode, options] of [
  ['fork', '--no-pmx'],
  ['cluster', '--no-pmx --instances 1'],
])
  test(`an application in pm2's ${mode} mode stops when pm2 is killed`, async () => {
    // The instruments of pm2 would exit within a second.
    await start(options, { DISCONNECT: 'true' });
    process.kill(Number(readFileSync(join(home, 'pm2.pid'), 'utf8')), 'SIGKILL');
    await project.wrote('exit 0');
    deepEqual(project.processes(), [stoppedOnce('The IPC channel to the parent process has ended')]);
  });
