import { inspect } from 'node:util';

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

/** @param ancestors the errors that contain this one in a field. They are omitted, which ends cycles. */
export function serializeError(value: unknown, ancestors: readonly unknown[] = []): SerializedThrow {
  if (!(value instanceof Error)) return { thrown: 'value', value: toCloneable(value) };
  const path = [...ancestors, value];
  const fields = new Map(Object.entries(value));
  // The two built-in fields that are not enumerable.
  for (const key of ['cause', 'errors'] as const) if (key in value) fields.set(key, (value as AggregateError)[key]);
  return {
    thrown: 'error',
    type: builtinTypeOf(value),
    name: value.name,
    message: value.message,
    stack: value.stack,
    fields: [...fields]
      .filter(([, field]) => !path.includes(field))
      .map(([key, field]) => [key, serializeError(field, path)]),
  };
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
  if (error instanceof DOMException) return 'DOMException';
  return Object.entries(builtinClasses).find(([, type]) => error instanceof type)?.[0] ?? 'Error';
}

function builtinClassOf(type: string): new (message: string) => Error {
  return type in builtinClasses ? builtinClasses[type as keyof typeof builtinClasses] : Error;
}

/** Returns a clone of a value, or its printed form if it cannot be cloned. */
function toCloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return inspect(value);
  }
}
