import { inspect } from 'node:util';

/** Prints and serializes the objects of a class as a short text. A log must not show all that they refer to. */
export function printAs<T extends object>(prototype: T, toText: (object: T) => string): void {
  const print = {
    value(this: T) {
      return toText(this);
    },
  };
  Object.defineProperty(prototype, inspect.custom, print);
  Object.defineProperty(prototype, 'toJSON', print);
}
