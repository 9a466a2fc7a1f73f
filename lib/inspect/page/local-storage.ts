/** Settings of this page. Its origin may be shared, so the keys have a prefix. */
const prefix = 'rxjs-tasks-';

/** Returns a stored setting. A browser may refuse access to its storage. */
export function loadSetting(name: string): string | null {
  try {
    return localStorage.getItem(prefix + name);
  } catch {
    return null;
  }
}

/** Stores a setting, if the browser permits it. */
export function saveSetting(name: string, value: string): void {
  try {
    localStorage.setItem(prefix + name, value);
  } catch {
    return;
  }
}
