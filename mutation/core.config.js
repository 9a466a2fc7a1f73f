import { readdirSync } from 'node:fs';
import { config } from './config.js';

/** Those that start programs or take long: what they find, others find, too. */
const others = /^(run-main|uptime|service|nightshift|documentation|index)\./;
/** Looked at last. */
const slow = /^(.*-properties|schedule)\./;

/** The core but for what is of the process. */
export default config('core', {
  mutate: ['lib/**/*.ts', '!lib/testing/**', '!lib/index.ts', '!lib/run-main.ts', '!lib/internal/exit.ts'],
  specs: {
    files: readdirSync('spec')
      .filter((file) => file.endsWith('.spec.ts') && !others.test(file))
      .sort((a, b) => slow.test(a) - slow.test(b))
      .map((file) => `spec/${file}`),
    // What waits for the wall clock or for the garbage collector, and what compares with other code for seconds.
    without: [
      'the event loop blocked',
      'when it is collected',
      'though a waiter gave up',
      'flat heap',
      'does not make each slower',
      '100,000 children',
      'here and in croner alone',
      // With MUTATION_QUICK what has many cases is left out, too.
      ...(process.env.MUTATION_QUICK
        ? [
            'Properties of',
            'A tree of',
            'strictly later each time',
            'whatever its options',
            'ten thousand wait',
            ' asks',
          ]
        : []),
    ],
  },
});
