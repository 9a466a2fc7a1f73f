import { attempt } from '../util/attempt.js';

/**
 * Gives an error class its name, and a brand by which `instanceof` recognizes the errors of every copy of this package
 * in the process. A subclass of a user recognizes its own instances, as usual.
 */
export function brandError(type: { readonly prototype: Error }, name: string): void {
  const brand = Symbol.for(`rxjs-tasks.${name}`);
  Object.defineProperties(type.prototype, {
    name: { value: name, writable: true, configurable: true },
    [brand]: { value: true },
  });
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, x: unknown): boolean {
      return this === type ? hasBrand(x, brand) : Function.prototype[Symbol.hasInstance].call(this as () => void, x);
    },
  });
}

/** Whether a value has a brand. A trap of a Proxy may throw. */
function hasBrand(x: unknown, brand: symbol): boolean {
  return attempt(() => (x as Record<symbol, unknown> | null | undefined)?.[brand] === true, false);
}
