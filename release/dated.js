const heading = '## Unreleased\n';

/** A changelog in which what was unreleased has become a version's. Throws when there is nothing to release. */
export function dated(changelog, version, day) {
  const [before, after] = changelog.split(heading);
  if (after === undefined) throw new Error(`Expected a heading \`${heading.trim()}\` in the changelog`);
  if (after.split('\n## ')[0].trim() === '') throw new Error(`Expected the changelog to say what ${version} brings`);
  return `${before}${heading}\n## ${version}, ${day.toISOString().slice(0, 10)}\n${after}`;
}
