/** The key of the token in the storage of the tab. The origin may be shared, so it has a prefix. */
const key = 'rxjs-tasks-token';

let token = takeFromAddress() ?? load();

/**
 * The headers that carry the token. There is no cookie: a browser sends the cookies of a host to all its ports, and
 * with the requests of other sites.
 */
export function authorization(): Record<string, string> {
  // No other text can be in a header; the server then refuses the request.
  return token !== undefined && /^[ -~]+$/.test(token) ? { authorization: `Bearer ${token}` } : {};
}

export function hasToken(): boolean {
  return token !== undefined;
}

export function saveToken(value: string): void {
  token = value;
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // Without storage, the tab has the token until it is loaded again.
    return;
  }
}

/** Takes the token out of the address, so that no bookmark and no screenshot has it. */
function takeFromAddress(): string | undefined {
  const { hash, search, pathname } = location;
  const given = new URLSearchParams(hash.slice(1)).get('token') ?? new URLSearchParams(search).get('token');
  if (given === null) return undefined;
  history.replaceState(null, '', pathname);
  saveToken(given);
  return given;
}

function load(): string | undefined {
  try {
    return sessionStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}
