import { printableName } from '../../util/printable.js';

/** The most tasks that the header names, and that its title names. */
const maxNamed = 4;
const maxTitled = 40;

/** Returns the text of the header for the tasks that readiness waits for, and a title with more of them. */
export function waitingText(paths: readonly string[]): { readonly text: string; readonly title: string } {
  if (paths.length === 0) return { text: '', title: '' };
  return { text: `waits for ${list(paths, maxNamed, ', ')}`, title: list(paths, maxTitled, '\n') };
}

function list(paths: readonly string[], limit: number, separator: string): string {
  const more = paths.length - limit;
  const named = paths.slice(0, limit).map(printableName).join(separator);
  return more > 0 ? `${named} and ${more.toLocaleString('en')} more` : named;
}
