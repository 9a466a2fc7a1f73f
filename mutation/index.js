import { spawnSync } from 'node:child_process';
import { check } from './check.js';
import { tsImport } from 'tsx/esm/api';
import { parts } from './parts.js';

// npm run mutation [part…]: mutants of unchanged code are not run again. Few random cases are enough to detect most.
const chosen = process.argv.slice(2);
const usual = Object.keys(parts).filter((part) => !parts[part].onDemand);
let server;
for (const part of chosen.length > 0 ? chosen : usual) {
  if (parts[part].postgres) server ??= await startServer();
  const { status } = spawnSync('stryker', ['run', 'mutation/stryker.config.js'], {
    stdio: 'inherit',
    env: { MODEL_RUNS: '0.02', ...process.env, MUTATION_PART: part, ...(parts[part].postgres && server) },
  });
  if (status !== 0) process.exit(1);
}
if (!check()) process.exitCode = 1;
process.exit();

/** Starts a PostgreSQL for this process. Between two mutants, all that specs have created in it is deleted. */
async function startServer() {
  const { startPostgres } = await tsImport('../examples/shared/postgres.ts', import.meta.url);
  const { url } = await startPostgres();
  return { FLEET_URL: url, MUTATION_URL: url };
}
