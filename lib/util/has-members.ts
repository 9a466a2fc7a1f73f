/** Whether a value is an object with all these members, inherited ones included. */
export function hasMembers<K extends string>(value: unknown, ...names: readonly K[]): value is Record<K, unknown> {
  return typeof value === 'object' && value !== null && names.every((name) => name in value);
}

/** Whether a member of a value is a function. */
export function hasMethod(value: unknown, name: string): boolean {
  return typeof (Object(value) as Record<string, unknown>)[name] === 'function';
}
