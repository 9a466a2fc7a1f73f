import { attempt } from './attempt.js';
import { nearestName, relatedName } from './nearest-name.js';
import { printable } from './printable.js';
import { describeKnown, describeValue, maxValue } from './validate.js';

/**
 * Names that other libraries have for a member, or that are easily guessed. Each has the name of a member, or a
 * sentence that says what to write instead.
 */
export type OtherNames = Readonly<Record<string, string>>;

/**
 * Accepts an object whose options are all known: one with a typing error would be ignored silently.
 *
 * @param of the name of the function that has the options.
 */
export function validateOptions(options: unknown, known: readonly string[], of: string, others?: OtherNames): void {
  const unknown = unknownIn(options, known, 'options', of);
  if (unknown === undefined) return;
  throw new TypeError(unknownOption(of, quoted(unknown), known, hintFor(unknown, known, others)));
}

/** Accepts an object with members of known names alone, as {@link validateOptions} does. */
export function validateMembers(object: unknown, known: readonly string[], name: string, others?: OtherNames): void {
  const unknown = unknownIn(object, known, name);
  if (unknown !== undefined) throw new TypeError(unknownMember(name, known, unknown, others));
}

/** Validates the names of options, and reads each option once, so that a later change of the object has no effect. */
export function readOptions<O extends object>(
  options: O,
  known: readonly (keyof O & string)[],
  of: string,
  others?: OtherNames,
): O {
  validateOptions(options, known, of, others);
  return readKnown(options, known);
}

/** Reads each known member of an object once, also an inherited one. */
export function readKnown<O extends object>(object: O, known: readonly (keyof O & string)[]): O {
  const read: Partial<O> = {};
  for (const name of known) {
    const value = object[name];
    if (value !== undefined) read[name] = value;
  }
  return read as O;
}

/** Explains that an object has a member of an unknown name, and which name was probably meant. */
export function unknownMember(name: string, known: readonly string[], unknown: string, others?: OtherNames): string {
  if (known.length === 0) return `Expected \`${name}\` to be empty, got ${quoted(unknown)}`;
  const hint = hintFor(unknown, known, others);
  return `Expected a member of \`${name}\`, got ${quoted(unknown)}${hint} Known members: ${list(known)}`;
}

/** Explains that a function has no such option. */
export function unknownOption(of: string, got: string, known: readonly string[], hint: string): string {
  return `Expected an option of \`${of}\`, got ${got}${hint} Known options: ${list(known)}`;
}

/** Returns the end of a sentence about an unknown name, which says what to write instead. */
export function hintFor(unknown: string, known: readonly string[], others: OtherNames = {}): string {
  const other = Object.hasOwn(others, unknown) ? others[unknown] : undefined;
  if (other !== undefined && !known.includes(other)) return `; ${other}.`;
  const meant = other ?? nearestName(unknown, known) ?? relatedName(unknown, known);
  return meant === undefined ? '.' : `; did you mean \`${meant}\`?`;
}

/** Returns the first name of an object that is not known. */
function unknownIn(object: unknown, known: readonly string[], name: string, of?: string): string | undefined {
  if (typeof object !== 'object' || object === null) throw new TypeError(wrongObject(name, of, 'an object', object));
  // Not Object.keys, which takes longer.
  for (const member in object) {
    if (known.includes(member) || !Object.hasOwn(object, member)) continue;
    // The fields of such an object would say less than what it is.
    if (attempt(() => describeKnown(object), undefined) !== undefined)
      throw new TypeError(wrongObject(name, of, `an object with ${list(known)}`, object));
    return member;
  }
  return undefined;
}

function wrongObject(name: string, of: string | undefined, expected: string, object: unknown): string {
  const owner = of === undefined ? '' : ` of \`${of}\``;
  return `Expected \`${name}\`${owner} to be ${expected}, got ${describeValue(object)}`;
}

function quoted(name: string): string {
  return `\`${printable(name, maxValue)}\``;
}

function list(names: readonly string[]): string {
  return `\`${names.join('`, `')}\``;
}
