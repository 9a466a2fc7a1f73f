import { config } from './config.js';

/** What is of the process, by specs that start programs and signal them. */
export default config('process', {
  mutate: ['lib/run-main.ts', 'lib/internal/exit.ts'],
  specs: { files: ['spec/run-main.spec.ts'], children: true },
  timeoutMS: 30_000,
});
