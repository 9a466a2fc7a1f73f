import { attempt } from '../util/attempt.js';
import { describeError } from '../util/describe-error.js';
import { isError } from '../util/error-parts.js';
import { print } from '../util/print.js';

/**
 * A thrown value in a form that crosses threads. A structured clone of an error loses a custom name and own fields;
 * before Node 21, that of a DOMException loses everything. An object that several errors refer to has one form, which
 * stays one object in a structured clone.
 */
export type SerializedThrow =
  | { readonly thrown: 'value'; readonly value: unknown }
  | { readonly thrown: 'list'; readonly items: SerializedThrow[] }
  | SerializedError;

interface SerializedError {
  readonly thrown: 'error';
  /** The nearest built-in class. */
  readonly type: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly fields: (readonly [key: string, value: SerializedThrow])[];
}

const builtinClasses = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

/** The most errors, and arrays with errors, that cross together. They may refer to each other in any way. */
const maxErrors = 100;

/** Converts anything that was thrown. Errors beyond the limit are left out. */
export function serializeError(value: unknown): SerializedThrow {
  return serialize(value, { forms: new Map(), errors: 0 });
}

/** The parts of one thrown value that are serialized already. */
interface Progress {
  readonly forms: Map<unknown, SerializedThrow>;
  errors: number;
}

function serialize(value: unknown, progress: Progress): SerializedThrow {
  const { forms } = progress;
  const known = forms.get(value);
  if (known) return known;
  const form = formOf(value);
  // Before the values in it, which may refer to it.
  forms.set(value, form);
  if (form.thrown === 'value') return form;
  progress.errors++;
  const crosses = (each: unknown) => forms.has(each) || progress.errors < maxErrors || !hasErrors(each);
  if (form.thrown === 'list') {
    for (const item of value as unknown[]) if (crosses(item)) form.items.push(serialize(item, progress));
  } else {
    for (const [key, field] of fieldsOf(value as Error))
      if (crosses(field)) form.fields.push([key, serialize(field, progress)]);
  }
  return form;
}

/** Returns the form of a value, without the values in it if it is an error or an array with errors. */
function formOf(value: unknown): SerializedThrow {
  if (isError(value)) {
    const { name, message, stack } = describeError(value);
    return { thrown: 'error', type: builtinTypeOf(value), name, message, stack, fields: [] };
  }
  return hasErrors(value) ? { thrown: 'list', items: [] } : { thrown: 'value', value: toCloneable(value) };
}

/** Whether a value is an error or an array with errors. */
function hasErrors(value: unknown): boolean {
  return isError(value) || attempt(() => Array.isArray(value) && value.some(isError), false);
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
  return 'thrown' in (Object(x) as object);
}

/** @param values what was made of each form before. */
export function deserializeError(
  thrown: SerializedThrow,
  values: Map<SerializedThrow, unknown> = new Map<SerializedThrow, unknown>(),
): unknown {
  if (thrown.thrown === 'value') return thrown.value;
  if (values.has(thrown)) return values.get(thrown);
  if (thrown.thrown === 'list') {
    const list: unknown[] = [];
    values.set(thrown, list);
    for (const item of thrown.items) list.push(deserializeError(item, values));
    return list;
  }
  const { type, name, message, stack, fields } = thrown;
  const error = createError(type, name, message);
  values.set(thrown, error);
  const all = [
    ['name', name],
    ['stack', stack],
    ...fields.map(([key, field]) => [key, deserializeError(field, values)] as const),
  ] as const;
  for (const [key, value] of all)
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
  const is = (type: abstract new (...args: never) => unknown) => attempt(() => error instanceof type, false);
  if (is(DOMException)) return 'DOMException';
  if (is(AggregateError)) return 'AggregateError';
  return Object.entries(builtinClasses).find(([, type]) => is(type))?.[0] ?? 'Error';
}

function createError(type: string, name: string, message: string): Error {
  if (type === 'DOMException') return new DOMException(message, name);
  if (type === 'AggregateError') return new AggregateError([], message);
  const builtinClass = type in builtinClasses ? builtinClasses[type as keyof typeof builtinClasses] : Error;
  return new builtinClass(message);
}

/** Returns a clone of a value, or its printed form if it cannot be cloned. */
function toCloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return print(value);
  }
}
