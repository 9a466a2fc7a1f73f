import js from '@eslint/js';
import regexp from 'eslint-plugin-regexp';
import rxjsX from 'eslint-plugin-rxjs-x';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', 'site/', 'mutation/out/', 'lib/inspect/page.ts', 'spec/.snippets/']),
  {
    files: ['**/*.{js,cjs}'],
    extends: [js.configs.recommended],
    languageOptions: { globals: { console: 'readonly', process: 'readonly' } },
  },
  {
    files: ['{bench,build,mutation,lib,release}/**/*.js'],
    languageOptions: {
      globals: {
        AbortController: 'readonly',
        URL: 'readonly',
        clearInterval: 'readonly',
        performance: 'readonly',
        setImmediate: 'readonly',
        setInterval: 'readonly',
        setTimeout: 'readonly',
        structuredClone: 'readonly',
      },
    },
  },
  {
    files: ['spec/runners/*.js'],
    languageOptions: { globals: { afterEach: 'readonly', setTimeout: 'readonly', test: 'readonly' } },
  },
  {
    files: ['spec/supervisors/*.js'],
    languageOptions: { globals: { URL: 'readonly', clearInterval: 'readonly', setInterval: 'readonly' } },
  },
  {
    files: ['spec/{runtimes,compilers}/*.{js,cjs}'],
    languageOptions: {
      globals: {
        AbortController: 'readonly',
        Blob: 'readonly',
        URL: 'readonly',
        clearTimeout: 'readonly',
        fetch: 'readonly',
        module: 'readonly',
        require: 'readonly',
        setTimeout: 'readonly',
      },
    },
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
      // Errors and causes of user code are passed on unchanged.
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
    },
  },
  {
    // A text from elsewhere may have any length.
    files: ['lib/**/*.{ts,js}'],
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential', ignoreSticky: false }],
    },
  },
  {
    // Specs also try code that users should not write.
    files: ['spec/**/*.ts'],
    rules: {
      '@typescript-eslint/no-invalid-void-type': 'off',
      // NestJS declares its options as a class, and takes any object.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/require-await': 'off',
      'rxjs-x/no-nested-subscribe': 'off',
      'rxjs-x/throw-error': 'off',
    },
  },
);
