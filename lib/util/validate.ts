import { inspect } from 'node:util';

/** The one form of every refusal: what was expected, and what was got. */
export function invalid(name: string, what: string, got: unknown): string {
  return `Expected \`${name}\` to be ${what}, got ${describe(got)}`;
}

/** A length of time in ms, `Infinity` included. */
export function validateMs(name: string, ms: unknown): void {
  if (typeof ms !== 'number') throw new TypeError(invalid(name, 'a number of ms', ms));
  if (!(ms >= 0)) throw new RangeError(invalid(name, 'a number of ms from 0 and up', ms));
}

export function validateNumber(name: string, low: number, high: number, got: unknown): void {
  const what = `a number ${rangeOf(low, high)}`;
  if (typeof got !== 'number') throw new TypeError(invalid(name, what, got));
  if (!(got >= low && got <= high)) throw new RangeError(invalid(name, what, got));
}

/** An integer: `Infinity` is none. */
export function validateInteger(name: string, low: number, high: number, got: unknown): void {
  const what = `a whole number ${rangeOf(low, high)}`;
  if (typeof got !== 'number') throw new TypeError(invalid(name, what, got));
  if (!(Number.isInteger(got) && got >= low && got <= high)) throw new RangeError(invalid(name, what, got));
}

export function validateOneOf(name: string, values: readonly string[], got: unknown): void {
  if (!values.includes(got as string))
    throw new RangeError(invalid(name, values.map((one) => `'${one}'`).join(' or '), got));
}

/** Options, none of which is unknown: a misspelt one would be lost silently. */
export function validateOptions(options: unknown, known: readonly string[], name = 'options'): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(invalid(name, 'an object', options));
  const unknown = Object.keys(options).find((option) => !known.includes(option));
  if (unknown !== undefined)
    throw new TypeError(`Expected \`${name}\` to be made of \`${known.join('`, `')}\`, got \`${unknown}\` (unknown)`);
}

export function validateObserver(observer: unknown): void {
  if (typeof observer !== 'function' && (typeof observer !== 'object' || observer === null))
    throw new TypeError(invalid('observer', 'an observer, or a function', observer));
}

export function validateScheduler(scheduler: unknown): void {
  const { now, schedule } = (scheduler ?? {}) as Partial<Record<'now' | 'schedule', unknown>>;
  if (typeof now !== 'function' || typeof schedule !== 'function')
    throw new TypeError(invalid('scheduler', 'a scheduler, as RxJS has them', scheduler));
}

/** Of runners that each can have one run at a time. */
export function validateDistinct(name: string, runners: readonly { toString(): string }[]): void {
  const others = new Set(runners);
  const twice = runners.find((runner) => !others.delete(runner));
  if (twice) throw new TypeError(invalid(name, 'runners that differ from one another', twice.toString()));
}

export function validateArray(name: string, values: unknown): void {
  if (!Array.isArray(values)) throw new TypeError(invalid(name, 'an array', values));
}

export function validateString(name: string, got: unknown): void {
  if (typeof got !== 'string') throw new TypeError(invalid(name, 'a string', got));
}

export function validateFunction(name: string, got: unknown): void {
  if (typeof got !== 'function') throw new TypeError(invalid(name, 'a function', got));
}

/** What a task may have beside `execute`. */
export function validateHooks(task: { initialize?: unknown; finalize?: unknown; grace?: unknown }): void {
  if (task.initialize !== undefined) validateFunction('initialize', task.initialize);
  if (task.finalize !== undefined) validateFunction('finalize', task.finalize);
  if (task.grace !== undefined) validateMs('grace', task.grace);
}

function rangeOf(low: number, high: number): string {
  return high === Infinity ? `from ${low} and up` : `from ${low} to ${high}`;
}

function describe(value: unknown): string {
  const text = inspect(value, { depth: 0, maxStringLength: 80, maxArrayLength: 3, breakLength: Infinity });
  return value === null || value === undefined ? text : `\`${text}\` (${typeof value})`;
}
