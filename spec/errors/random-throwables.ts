import fc from 'fast-check';
import { Subscription } from 'rxjs';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { CancelledError, TaskError } from '../../lib/index.js';
import { attempt } from '../../lib/util/attempt.js';
import { thrownBy } from '../helpers/collect.js';

/** The description of a value to throw, which can be printed. The value itself often cannot. */
export type Recipe =
  | { readonly kind: 'value'; readonly value: string }
  | {
      readonly kind: 'error';
      readonly type: string;
      readonly traits: readonly string[];
      readonly cause: Recipe | undefined;
      readonly errors: readonly Recipe[];
    }
  | { readonly kind: 'proxy'; readonly traps: readonly string[]; readonly target: Recipe }
  | { readonly kind: 'revoked'; readonly of: 'object' | 'function' | 'array' }
  | { readonly kind: 'chain'; readonly length: number; readonly circular: boolean }
  | { readonly kind: 'graph'; readonly by: 'causes' | 'errors' | 'suppressed' }
  | { readonly kind: 'endless' };

const hostile = (): never => {
  throw new Error('hostile');
};
const withoutPrototype = (): unknown => Object.create(null);

const values: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  'empty text': () => '',
  text: () => 'a\u001b[31m text\nof two lines',
  zero: () => 0,
  NaN: () => NaN,
  true: () => true,
  bigint: () => 10n,
  symbol: () => Symbol('thrown'),
  function: () => () => 1,
  'invalid date': () => new Date(NaN),
  array: () => [1, [2, [3, [4]]]],
  'without a prototype': withoutPrototype,
  'throwing inspect': () => ({ [inspect.custom]: hostile }),
  'throwing tag': () => Object.defineProperty({}, Symbol.toStringTag, { get: hostile, enumerable: true }),
  'throwing then': () => Object.defineProperty({}, 'then', { get: hostile }),
  'looks like an error': () => ({ name: 'Error', message: 'looks like one', stack: 7, cause: 8 }),
  'looks like a task error': () => ({ [Symbol.for('rxjs-tasks.TaskError')]: true }),
  'bad own prototype': () =>
    Object.create(new Proxy({}, { get: hostile, has: hostile, getPrototypeOf: hostile })) as unknown,
};

const ErrorOfAnotherRealm = runInNewContext('Error') as ErrorConstructor;

const errorTypes: Readonly<Record<string, () => object>> = {
  Error: () => new Error('plain'),
  TypeError: () => new TypeError('wrong type'),
  AbortError: () => new DOMException('aborted', 'AbortError'),
  AggregateError: () => new AggregateError([], 'several'),
  UnsubscriptionError: () => thrownBy(() => new Subscription(hostile).unsubscribe()),
  CancelledError: () => new CancelledError(),
  TaskError: () => new TaskError('other', 'execute', new Error('inner')),
  'of another realm': () => new ErrorOfAnotherRealm('elsewhere'),
};

const traits: Readonly<Record<string, (error: object) => void>> = {
  'message throws': getter('message'),
  'name throws': getter('name'),
  'stack throws': getter('stack'),
  'cause throws': getter('cause'),
  'errors throws': getter('errors'),
  'suppressed throws': getter('suppressed'),
  'toString throws': property('toString', hostile),
  'toJSON throws': property('toJSON', hostile),
  'inspect throws': property(inspect.custom, hostile),
  'conversion throws': property(Symbol.toPrimitive, hostile),
  'message is a symbol': property('message', Symbol('message')),
  'name is a symbol': property('name', Symbol('name')),
  'stack is a symbol': property('stack', Symbol('stack')),
  'code is a symbol': property('code', Symbol('code')),
  'message has no prototype': property('message', withoutPrototype()),
  'name has no prototype': property('name', withoutPrototype()),
  'no message': property('message', undefined),
  'empty name': property('name', ''),
  'long message': property('message', '/'.repeat(100_000)),
  'long stack': property('stack', `Error\n    at ${'/'.repeat(100_000)}`),
  'errors is null': property('errors', null),
  'errors has holes': property('errors', new Array<unknown>(1000)),
  'suppressed is null': property('suppressed', null),
  'task is a symbol': property('task', Symbol('task')),
  'is its own cause': (error: object) => define(error, 'cause', { value: error }),
  'no prototype': (error: object) => void Object.setPrototypeOf(error, null),
  // The last one, because nothing can be added after it.
  frozen: (error: object) => void Object.freeze(error),
};

const traps: Readonly<Record<string, () => never>> = {
  get: hostile,
  has: hostile,
  ownKeys: hostile,
  getPrototypeOf: hostile,
  getOwnPropertyDescriptor: hostile,
  set: hostile,
  defineProperty: hostile,
};

function getter(key: string): (error: object) => void {
  return (error) => define(error, key, { get: hostile });
}

function property(key: string | symbol, value: unknown): (error: object) => void {
  return (error) => define(error, key, { value });
}

function define(error: object, key: string | symbol, descriptor: PropertyDescriptor): void {
  // To define a stack computes it first, which may throw if the message does.
  attempt(() => Reflect.defineProperty(error, key, { configurable: true, ...descriptor }), false);
}

/** Creates the value that a recipe describes. */
export function createThrowable(recipe: Recipe): unknown {
  switch (recipe.kind) {
    case 'value':
      return values[recipe.value]?.();
    case 'error':
      return createError(recipe);
    case 'proxy': {
      const target = createThrowable(recipe.target);
      const handler = Object.fromEntries(recipe.traps.map((trap) => [trap, traps[trap]]));
      return new Proxy(typeof target === 'object' && target !== null ? target : {}, handler);
    }
    case 'revoked': {
      const { proxy, revoke } = Proxy.revocable({ object: {}, function: hostile, array: [] }[recipe.of], {});
      revoke();
      return proxy;
    }
    case 'chain': {
      const root = new Error('root');
      const chain = createChain(root, recipe.length);
      if (recipe.circular) root.cause = chain;
      return chain;
    }
    case 'graph':
      return createGraph(recipe.by);
    case 'endless':
      return new Endless();
  }
}

function createError({ type, traits: names, cause, errors }: Extract<Recipe, { kind: 'error' }>): unknown {
  const error = errorTypes[type]?.() ?? {};
  if (cause) define(error, 'cause', { value: createThrowable(cause) });
  if (errors.length > 0) define(error, 'errors', { value: errors.map(createThrowable) });
  for (const [name, apply] of Object.entries(traits)) if (names.includes(name)) apply(error);
  return error;
}

/** Creates a chain of causes that ends with `root`. */
export function createChain(root: Error, length: number): Error {
  let error = root;
  for (let level = 1; level <= length; level++) error = new Error(`level ${level}`, { cause: error });
  return error;
}

/** Creates a graph of 22 levels, in which each error refers twice to the next: it has four million paths. */
function createGraph(by: 'causes' | 'errors' | 'suppressed'): Error {
  let error: Error = new TaskError('leaf', 'execute', 'leaf');
  for (let level = 0; level < 22; level++) {
    if (by === 'causes') error = Object.assign(new AggregateError([error], `level ${level}`), { cause: error });
    else if (by === 'errors') error = new AggregateError([error, error], `level ${level}`);
    else {
      const outer = new TaskError(`level ${level}`, 'execute', 'boom');
      outer.suppressed.push(error as TaskError, error as TaskError);
      error = outer;
    }
  }
  return error;
}

/** An error whose causes have no end. */
class Endless {
  get cause(): Endless {
    return new Endless();
  }
}
Object.setPrototypeOf(Endless.prototype, Error.prototype);

/** Random recipes. */
export const recipes: fc.Arbitrary<Recipe> = fc.letrec<{ recipe: Recipe }>((tie) => ({
  recipe: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('value' as const), value: keyOf(values) }) },
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constant('error' as const),
        type: keyOf(errorTypes),
        traits: fc.uniqueArray(keyOf(traits), { maxLength: 4 }),
        cause: fc.option(tie('recipe'), { nil: undefined }),
        errors: fc.array(tie('recipe'), { maxLength: 2 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('proxy' as const),
        traps: fc.uniqueArray(keyOf(traps), { minLength: 1, maxLength: 3 }),
        target: tie('recipe'),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('revoked' as const),
        of: fc.constantFrom('object' as const, 'function' as const, 'array' as const),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('chain' as const),
        length: fc.integer({ min: 1, max: 100 }),
        circular: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('graph' as const),
        by: fc.constantFrom('causes' as const, 'errors' as const, 'suppressed' as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('endless' as const) }) },
  ),
})).recipe;

function keyOf(choices: object): fc.Arbitrary<string> {
  return fc.constantFrom(...Object.keys(choices));
}
