import js from '@eslint/js';
import rxjsX from 'eslint-plugin-rxjs-x';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** From left to right: a file of lib/ imports only from its left, so that there are no circles. */
const order = [
  'internal/expect',
  'internal/unhandled',
  'internal/after',
  'internal/chain',
  'internal/hub',
  'internal/alarm',
  'errors',
  'internal/environment',
  'internal/scope',
  'internal/to-scope',
  'context',
  'task',
  'outcome',
  'internal/iterator-of',
  'internal/turn',
  'internal/flow',
  'internal/drive',
  'internal/member',
  'internal/work',
  'internal/is-cancel',
  'internal/run',
  'internal/launched',
  'internal/foreign',
  'runner',
  'internal/settling',
  'future',
  'schedule',
  'internal/slot-clock',
  'internal/slot-run',
  'internal/backlog',
  'internal/slot-runs',
  'cron',
  'internal/guard',
  'internal/backoff',
  'internal/supervision',
  'supervise',
  'internal/group-run',
  'group',
  'snapshot',
  'signal-listener',
  'join',
  'report',
  'internal/surround',
  'internal/app-run',
  'orchestrate',
  'application',
  'internal/exit',
  'run-main',
  'index',
  'recording/recorded',
  'recording/tape',
  'recording/record',
  'inspect/keep-last',
  'inspect/row',
  'inspect/timeline',
  'inspect/journal',
  'inspect/reader',
  'inspect/readers',
  'inspect/access',
  'inspect/state',
  'inspect/page',
  'inspect/routes',
  'inspect/inspector',
  'inspect/index',
  'testing/memory-coordinator',
  'testing/scenario-error',
  'testing/virtual-clock',
  'testing/random',
  'testing/virtual-globals',
  'testing/fake-signals',
  'testing/marbles',
  'testing/life',
  'testing/enact',
  'testing/script',
  'testing/diagram',
  'testing/to-marbles',
  'testing/scene',
  'testing/stage',
  'testing/scenario',
  'testing/invariants',
  'testing/explore',
  'testing/lives',
  'testing/policies',
  'testing/cast',
  'testing/replay',
  'testing/index',
];

/** The files of internal/ may name types from their right: they are gone before anything is loaded. */
const oneWay = order.map((file, place) => ({
  files: [`lib/${file}.ts`],
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: `(^|/)(${order
              .slice(place)
              .map((other) => other.replace('internal/', '(internal/)?'))
              .join('|')})\\.js$`,
            message: 'A file imports only from its left.',
            allowTypeImports: file.startsWith('internal/'),
          },
        ],
      },
    ],
  },
}));

export default defineConfig(
  globalIgnores(['dist/', 'scratch/', 'coverage/', 'mutation/out/', 'lib/inspect/page.ts']),
  {
    files: ['**/*.js'],
    extends: [js.configs.recommended],
    languageOptions: { globals: { console: 'readonly', process: 'readonly' } },
  },
  {
    files: ['{bench,mutation,lib}/**/*.js'],
    languageOptions: {
      globals: {
        AbortController: 'readonly',
        URL: 'readonly',
        clearInterval: 'readonly',
        performance: 'readonly',
        setImmediate: 'readonly',
        setInterval: 'readonly',
        setTimeout: 'readonly',
      },
    },
  },
  {
    files: ['spec/runners/*.js'],
    languageOptions: { globals: { setTimeout: 'readonly', test: 'readonly' } },
  },
  {
    files: ['**/*.ts'],
    extends: [
      js.configs.recommended,
      tseslint.configs.strictTypeChecked,
      tseslint.configs.stylisticTypeChecked,
      rxjsX.configs.recommended,
    ],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // A getter on the prototype costs no field.
      '@typescript-eslint/class-literal-property-style': 'off',
      // Whatever a task throws or a cancel gives as its cause is handed on as it is.
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
    },
  },
  ...oneWay,
  {
    // What a spec tries is not always what one should write.
    files: ['spec/**/*.ts'],
    rules: {
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/require-await': 'off',
      'rxjs-x/no-nested-subscribe': 'off',
      'rxjs-x/throw-error': 'off',
    },
  },
  {
    files: ['lib/**/*.ts'],
    ignores: ['lib/inspect/page/**', ...order.map((file) => `lib/${file}.ts`)],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'Program', message: 'Give this file its place in the order of lib/.' },
      ],
    },
  },
);
