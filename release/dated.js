const heading = '## Unreleased\n';

/**
 * Returns the changelog with its unreleased part under a version and a date. Throws when there is nothing to release.
 */
export function dated(changelog, version, day) {
  const [before, after] = changelog.split(heading);
  if (after === undefined) throw new Error(`Expected a heading \`${heading.trim()}\` in the changelog`);
  if (after.split('\n## ')[0].trim() === '') throw new Error(`Expected the changelog to say what ${version} brings`);
  return `${before}${heading}\n## ${version}, ${day.toISOString().slice(0, 10)}\n${after}`;
}
