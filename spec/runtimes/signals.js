import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** The cases: the argument of app.js, the signals, the expected output and the expected exit code. */
const cases = [
  ['well', ['SIGTERM'], 'up finalizing finalized', 0],
  ['hang', ['SIGTERM', 'SIGTERM'], 'up finalizing later', 143],
  ['hang', ['SIGINT', 'SIGINT'], 'up finalizing later', 130],
  ['fail', [], 'up finalizing finalized', 1],
];

/** Runs app.js in all cases. Returns whether its output and exit code are as expected in each. */
export async function checkSignals([path, ...options], cwd) {
  let passed = 0;
  for (const [mode, sent, ...expected] of cases) {
    const actual = await signalAndWait(
      spawn(path, [...options, 'app.js', mode], { cwd, stdio: ['ignore', 'pipe', 'ignore'] }),
      [...sent],
    );
    if (String(actual) === String(expected)) passed++;
    else console.log(`  FAILED  ${mode} ${sent}: expected ${expected}, got ${actual}`);
  }
  console.log(`  ${passed} of ${cases.length} signal cases pass`);
  return passed === cases.length;
}

/** Sends one signal when the program is up, and the next when it is no echo. Returns the output and exit code. */
async function signalAndWait(child, signals) {
  let output = '';
  const triggers = ['up', 'later'];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
    while (signals.length > 0 && output.includes(triggers[0])) {
      triggers.shift();
      child.kill(signals.shift());
    }
  });
  // Only a hang exceeds this.
  const killTimer = setTimeout(() => child.kill('SIGKILL'), 120_000);
  const [code, signal] = await once(child, 'close');
  clearTimeout(killTimer);
  return [output.trim().split(/\s+/).join(' '), code ?? signal];
}
