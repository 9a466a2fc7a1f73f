/** A source whose `version` is another. Throws when it has none. */
export function versioned(source, version) {
  const place = /(?<=\bversion: ')[^']*(?=')/;
  if (!place.test(source)) throw new Error('Expected a `version` in the source');
  return source.replace(place, version);
}
