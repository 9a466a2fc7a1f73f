/** Matches what must not be part of a start-up message: PostgreSQL ends each of its texts with a NUL. */
const control = /\p{Cc}/u;

/**
 * Parses the URL of a PostgreSQL server. Its errors quote nothing of it, because it may contain a password. A password
 * with a raw `/`, `?` or `#` would become part of the host, the port or the database, which errors do quote. The `@`
 * after it gives it away.
 */
export function parseServerUrl(option: string, value: unknown): URL {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !['postgres:', 'postgresql:'].includes(url.protocol))
    throw new TypeError(
      `Expected \`${option}\` to be the URL of a PostgreSQL server, such as \`postgres://host:5432/database\``,
    );
  const { pathname, search, hash } = url;
  if (hash !== '' || `${pathname}${search}`.includes('@') || !isDecodable(url))
    throw new TypeError(`Expected \`${option}\` to have its user, password and database percent-encoded`);
  return url;
}

/** Returns the address of a server, without credentials. */
export function addressOfUrl({ hostname, port, pathname, searchParams }: URL): string {
  return `${hostname || (searchParams.get('host') ?? 'localhost')}:${port || 5432}${pathname}`;
}

function isDecodable({ href }: URL): boolean {
  try {
    return !control.test(decodeURIComponent(href));
  } catch {
    return false;
  }
}
