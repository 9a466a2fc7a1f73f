import { spawnSync } from 'node:child_process';
import { check } from './check.js';
import { parts } from './parts.js';

// npm run mutation [part…]: mutants of unchanged code are not run again. Few random cases are enough to detect most.
const chosen = process.argv.slice(2);
const usual = Object.keys(parts).filter((part) => !parts[part].onDemand);
for (const part of chosen.length > 0 ? chosen : usual) {
  const { status } = spawnSync('stryker', ['run', 'mutation/stryker.config.js'], {
    stdio: 'inherit',
    env: { MODEL_RUNS: '0.02', ...process.env, MUTATION_PART: part },
  });
  if (status !== 0) process.exit(1);
}
if (!check()) process.exitCode = 1;
