/**
 * Ends the address of the page with a slash. A proxy may serve the page without one, and the addresses of the page's
 * requests are relative to it.
 */
export function toDirectoryAddress(): void {
  const { pathname, search, hash } = location;
  if (!pathname.endsWith('/')) history.replaceState(null, '', `${pathname}/${search}${hash}`);
}
