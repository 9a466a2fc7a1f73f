import { invalid, validateString } from '../util/validate.js';

/** Accepts the path of a task. */
export function validatePath(path: string): void {
  validateString('path', path);
  if (path === '') throw new RangeError(invalid('path', 'the path of a task', path));
}
