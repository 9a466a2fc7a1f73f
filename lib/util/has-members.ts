/** Whether a value is an object with all these members, inherited ones included. */
export function hasMembers<K extends string>(value: unknown, ...names: readonly K[]): value is Record<K, unknown> {
  return typeof value === 'object' && value !== null && names.every((name) => name in value);
}

/** Whether a member of an object is a function. */
export function hasMethod(object: object, name: string): boolean {
  return typeof (object as Record<string, unknown>)[name] === 'function';
}
