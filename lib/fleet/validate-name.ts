import { invalid, validateString } from '../util/validate.js';

/** The maximum length of a name that is part of events. */
const maxLength = 200;

/** Accepts the name of a process, or of a person or program that changes something in the fleet. */
export function validateName(option: string, name: string): void {
  validateString(option, name);
  if (name.length > maxLength) throw new RangeError(invalid(option, `up to ${maxLength} characters`, name));
}

/** Accepts the path of a task. */
export function validatePath(path: string): void {
  validateString('path', path);
  if (path === '') throw new RangeError(invalid('path', 'the path of a task', path));
}
