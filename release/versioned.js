/** Returns the source with another `version`. Throws when it has none. */
export function versioned(source, version) {
  const pattern = /(?<=\bversion: ')[^']*(?=')/;
  if (!pattern.test(source)) throw new Error('Expected a `version` in the source');
  return source.replace(pattern, version);
}
