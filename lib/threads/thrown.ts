import { inspect } from 'node:util';

/**
 * What was thrown in a thread, as it crosses to another. A structured clone of an error keeps neither a name of its own nor its fields,
 * and that of a DOMException nothing at all before Node 21.
 */
export type Thrown = { readonly thrown: 'value'; readonly value: unknown } | ThrownError;

interface ThrownError {
  readonly thrown: 'error';
  /** The nearest class that every thread has. */
  readonly type: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly fields: readonly (readonly [key: string, value: Thrown])[];
}

const classes = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

/** @param above the errors that have this one as a field: one that is its own cause comes to an end all the same. */
export function toThrown(value: unknown, above: readonly unknown[] = []): Thrown {
  if (!(value instanceof Error)) return { thrown: 'value', value: cloneable(value) };
  const inside = [...above, value];
  const fields = new Map(Object.entries(value));
  // Of those that errors have by themselves these two are not enumerable.
  for (const key of ['cause', 'errors'] as const) if (key in value) fields.set(key, (value as AggregateError)[key]);
  return {
    thrown: 'error',
    type: typeOf(value),
    name: value.name,
    message: value.message,
    stack: value.stack,
    fields: [...fields]
      .filter(([, field]) => !inside.includes(field))
      .map(([key, field]) => [key, toThrown(field, inside)]),
  };
}

export function isThrown(x: unknown): x is Thrown {
  return typeof x === 'object' && x !== null && 'thrown' in x;
}

export function fromThrown(thrown: Thrown): unknown {
  if (thrown.thrown === 'value') return thrown.value;
  const { type, name, message, stack, fields } = thrown;
  const error = type === 'DOMException' ? new DOMException(message, name) : new (classOf(type))(message);
  const all = [['stack', stack], ...fields.map(([key, field]) => [key, fromThrown(field)] as const)] as const;
  for (const [key, value] of error.name === name ? all : [['name', name] as const, ...all])
    Object.defineProperty(error, key, { value, configurable: true, writable: true, enumerable: !own.includes(key) });
  return error;
}

/** What is no field that one sees of an error when it is printed. */
const own = ['name', 'stack', 'cause', 'errors'];

function typeOf(error: Error): string {
  if (error instanceof DOMException) return 'DOMException';
  return Object.entries(classes).find(([, type]) => error instanceof type)?.[0] ?? 'Error';
}

function classOf(type: string): new (message: string) => Error {
  return type in classes ? classes[type as keyof typeof classes] : Error;
}

/** What of a value can be sent. */
function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return inspect(value);
  }
}
