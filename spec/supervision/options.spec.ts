import { expect } from 'chai';
import { inspect } from 'node:util';
import sinon from 'sinon';
import { critical, isTaskRunner, supervise, task, type SuperviseOptions } from '../../lib/index.js';
import { thrownBy } from '../helpers/collect.js';
import { taskOf } from './helpers.js';

describe('The options of supervise', () => {
  type Refusal = [options: unknown, error: new (message: string) => Error, message: string];
  const oneOf = "Expected `restart` to be 'on-failure' or 'always', got ";
  const ms = (name: string): Refusal[] => {
    const [option, inner] = name.split('.') as [string, string?];
    const given = (value: unknown) => ({ [option]: inner === undefined ? value : { [inner]: value } });
    return [
      [given('1'), TypeError, `Expected \`${name}\` to be a number of ms, got \`'1'\` (string)`],
      [given(null), TypeError, `Expected \`${name}\` to be a number of ms, got null`],
      [given(-1), RangeError, `Expected \`${name}\` to be a number of ms from 0 and up, got \`-1\` (number)`],
      [given(NaN), RangeError, `Expected \`${name}\` to be a number of ms from 0 and up, got \`NaN\` (number)`],
    ];
  };
  const refusals: Record<string, readonly Refusal[]> = {
    'options are an object, of known names': [
      [null, TypeError, 'Expected `options` of `supervise` to be an object, got null'],
      ['always', TypeError, "Expected `options` of `supervise` to be an object, got `'always'` (string)"],
      [
        { jitter: 3 },
        TypeError,
        'Expected an option of `supervise`, got `jitter`. Known options: `restart`, `backoff`, `maxRestarts`, ' +
          '`window`, `healthyFor`, `finalizeTimeout`',
      ],
    ],
    restart: [
      [{ restart: 'never' }, RangeError, `${oneOf}\`'never'\` (string)`],
      [{ restart: true }, RangeError, `${oneOf}\`true\` (boolean)`],
      [{ restart: null }, RangeError, `${oneOf}null`],
    ],
    'backoff is an object, of known names': [
      [{ backoff: null }, TypeError, 'Expected `backoff` to be an object, got null'],
      [{ backoff: 100 }, TypeError, 'Expected `backoff` to be an object, got `100` (number)'],
      [
        { backoff: { delay: 1 } },
        TypeError,
        'Expected a member of `backoff`, got `delay`. Known members: `initial`, `max`, `factor`, `jitter`, `random`',
      ],
    ],
    'backoff.initial': ms('backoff.initial'),
    'backoff.max': ms('backoff.max'),
    window: ms('window'),
    healthyFor: ms('healthyFor'),
    finalizeTimeout: ms('finalizeTimeout'),
    'backoff.factor': [
      [
        { backoff: { factor: 0.5 } },
        RangeError,
        'Expected `backoff.factor` to be a number from 1 and up, got `0.5` (number)',
      ],
      [{ backoff: { factor: NaN } }, RangeError, 'Expected `backoff.factor` to be a number from 1 and up, got `NaN`'],
      [{ backoff: { factor: -2 } }, RangeError, 'Expected `backoff.factor` to be a number from 1 and up, got `-2`'],
    ],
    'backoff.jitter': [
      [
        { backoff: { jitter: 1.5 } },
        RangeError,
        'Expected `backoff.jitter` to be a number from 0 to 1, got `1.5` (number)',
      ],
      [{ backoff: { jitter: -0.1 } }, RangeError, 'Expected `backoff.jitter` to be a number from 0 to 1, got `-0.1`'],
      [{ backoff: { jitter: NaN } }, RangeError, 'Expected `backoff.jitter` to be a number from 0 to 1, got `NaN`'],
    ],
    'backoff.random': [
      [{ backoff: { random: 0.5 } }, TypeError, 'Expected `backoff.random` to be a function, got `0.5` (number)'],
      [{ backoff: { random: null } }, TypeError, 'Expected `backoff.random` to be a function, got null'],
    ],
    maxRestarts: [-1, 1.5, NaN, -Infinity, '5'].map((maxRestarts) => [
      { maxRestarts },
      typeof maxRestarts === 'string' ? TypeError : RangeError,
      'Expected `maxRestarts` to be a whole number from 0 and up, or Infinity, ' +
        `got \`${inspect(maxRestarts)}\` (${typeof maxRestarts})`,
    ]),
  };
  for (const [title, rows] of Object.entries(refusals)) {
    it(`rejects an invalid value: ${title}`, () => {
      for (const [options, error, message] of rows) {
        const thrown = thrownBy(() => supervise(taskOf(), options as SuperviseOptions));
        expect(thrown.message).to.include(message);
        expect(thrown).to.be.instanceOf(error);
      }
    });
  }

  for (const options of [
    { backoff: { factor: '2' } },
    { backoff: { factor: [2] } },
    { backoff: { jitter: '0.5' } },
    { backoff: { jitter: null } },
    { backoff: { jitter: true } },
    { maxRestarts: '5' },
    { maxRestarts: null },
  ]) {
    it(`rejects a value of another type that looks like a number: ${JSON.stringify(options)}`, () => {
      expect(() => supervise(taskOf(), options as never)).to.throw(/^Expected `/);
    });
  }

  it('accept every value in range, including the limits, and treat undefined as the default', () => {
    for (const options of [
      undefined,
      {},
      { backoff: {} },
      { restart: undefined, backoff: undefined, maxRestarts: undefined },
      { window: undefined, healthyFor: undefined, finalizeTimeout: undefined },
      { backoff: { initial: undefined, max: undefined, factor: undefined, jitter: undefined, random: undefined } },
      { backoff: { initial: 0, max: 0, factor: 1, jitter: 0 }, maxRestarts: 0, window: 0, healthyFor: 0 },
      { finalizeTimeout: 0 },
      { backoff: { initial: Infinity, max: Infinity, factor: 1.5, jitter: 1, random: () => 0 } },
      { maxRestarts: Infinity, window: Infinity, healthyFor: Infinity, finalizeTimeout: Infinity },
      { restart: 'always' },
    ])
      expect(isTaskRunner(supervise(taskOf(), options as SuperviseOptions))).to.equal(true);
  });

  it('reject a runnable that is neither a task nor a runner', () => {
    for (const other of [undefined, null, {}, 'x', () => 1]) {
      expect(() => supervise(other as never)).to.throw(TypeError, 'Expected `task` to be a task');
      expect(() => critical(other as never)).to.throw(TypeError, 'Expected `task` to be a task');
    }
  });

  it('leave the runner idle, with the name of its task, until it is subscribed to', () => {
    const execute = sinon.spy();
    for (const runner of [supervise(task('x', execute)), critical(task('x', execute))]) {
      runner.start();
      expect([String(runner), runner.status, execute.callCount]).to.deep.equal(['x', 'idle', 0]);
    }
  });
});
