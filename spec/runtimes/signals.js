import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** How app.js ends on every runtime: how it is told to, what it then writes, and its exit code. */
const ends = [
  ['well', ['SIGTERM'], 'up finalizing finalized', 0],
  ['hang', ['SIGTERM', 'SIGTERM'], 'up finalizing', 143],
  ['hang', ['SIGINT', 'SIGINT'], 'up finalizing', 130],
  ['fail', [], 'up finalizing finalized', 1],
];

/** Runs app.js, and signals it from outside. Gives whether it has ended as it has to each time. */
export async function signals([path, ...options], cwd) {
  let right = 0;
  for (const [how, sent, ...expected] of ends) {
    const got = await end(spawn(path, [...options, 'app.js', how], { cwd, stdio: ['ignore', 'pipe', 'ignore'] }), [
      ...sent,
    ]);
    if (String(got) === String(expected)) right++;
    else console.log(`  FAILED  ${how} ${sent}: expected ${expected}, got ${got}`);
  }
  console.log(`  ${right} of ${ends.length} ends are right`);
  return right === ends.length;
}

/** Sends one signal when the program is up, and the next when it finalizes. Gives what it has written, and its exit code. */
async function end(child, sent) {
  let written = '';
  const moments = ['up', 'finalizing'];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    written += text;
    while (sent.length > 0 && written.includes(moments[0])) {
      moments.shift();
      child.kill(sent.shift());
    }
  });
  const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
  const [code, signal] = await once(child, 'close');
  clearTimeout(late);
  return [written.trim().split(/\s+/).join(' '), code ?? signal];
}
