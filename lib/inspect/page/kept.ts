/** What was kept, or now is. A browser may refuse; others of this origin have keys of their own. */
export function kept(what: string, value?: string): string | null {
  const key = `rxjs-tasks-${what}`;
  try {
    if (value !== undefined) localStorage.setItem(key, value);
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
