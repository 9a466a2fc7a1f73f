import { attempt } from '../util/attempt.js';
import { describeError } from '../util/describe-error.js';
import { isError } from '../util/error-parts.js';
import { print } from '../util/print.js';

/**
 * A thrown value in a form that crosses threads. A structured clone of an error loses a custom name and own fields;
 * before Node 21, that of a DOMException loses everything.
 */
export type SerializedThrow = { readonly thrown: 'value'; readonly value: unknown } | SerializedError;

interface SerializedError {
  readonly thrown: 'error';
  /** The nearest built-in class. */
  readonly type: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly fields: readonly (readonly [key: string, value: SerializedThrow])[];
}

const builtinClasses = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

/** The most errors in the fields of an error, all levels together: they may refer to each other in any way. */
const maxErrors = 100;

/** Converts anything that was thrown. The errors in the fields of an error that contain that error are left out. */
export function serializeError(value: unknown): SerializedThrow {
  return serialize(value, [], { errors: 0 });
}

/** @param ancestors the errors that contain this one in a field. */
function serialize(value: unknown, ancestors: readonly unknown[], count: { errors: number }): SerializedThrow {
  if (!isError(value)) return { thrown: 'value', value: toCloneable(value) };
  count.errors++;
  const path = [...ancestors, value];
  const { name, message, stack } = describeError(value);
  return {
    thrown: 'error',
    type: builtinTypeOf(value),
    name,
    message,
    stack,
    fields: fieldsOf(value)
      .filter(([, field]) => !path.includes(field) && (!isError(field) || count.errors < maxErrors))
      .map(([key, field]) => [key, serialize(field, path, count)]),
  };
}

/** Returns the fields of an error, without those that throw when they are read. */
function fieldsOf(error: Error): (readonly [key: string, value: unknown])[] {
  // The last two are not enumerable.
  const keys = new Set([...attempt(() => Object.keys(error), []), 'cause', 'errors']);
  return [...keys].flatMap((key) =>
    attempt(() => (key in error ? [[key, (error as unknown as Record<string, unknown>)[key]] as const] : []), []),
  );
}

export function isSerializedThrow(x: unknown): x is SerializedThrow {
  return typeof x === 'object' && x !== null && 'thrown' in x;
}

export function deserializeError(thrown: SerializedThrow): unknown {
  if (thrown.thrown === 'value') return thrown.value;
  const { type, name, message, stack, fields } = thrown;
  const error = type === 'DOMException' ? new DOMException(message, name) : new (builtinClassOf(type))(message);
  const all = [['stack', stack], ...fields.map(([key, field]) => [key, deserializeError(field)] as const)] as const;
  for (const [key, value] of error.name === name ? all : [['name', name] as const, ...all])
    Object.defineProperty(error, key, {
      value,
      configurable: true,
      writable: true,
      enumerable: !hiddenFields.includes(key),
    });
  return error;
}

/** Fields that are not printed with an error. */
const hiddenFields = ['name', 'stack', 'cause', 'errors'];

function builtinTypeOf(error: Error): string {
  const is = (type: new () => unknown) => attempt(() => error instanceof type, false);
  if (is(DOMException)) return 'DOMException';
  return Object.entries(builtinClasses).find(([, type]) => is(type))?.[0] ?? 'Error';
}

function builtinClassOf(type: string): new (message: string) => Error {
  return type in builtinClasses ? builtinClasses[type as keyof typeof builtinClasses] : Error;
}

/** Returns a clone of a value, or its printed form if it cannot be cloned. */
function toCloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return print(value);
  }
}
