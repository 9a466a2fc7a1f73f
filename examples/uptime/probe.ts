import { DeadlineError, future, withTimeout, type Context, type Future } from 'rxjs-tasks';

/** The result of one probe of a target. */
export type Probe = { readonly url: string; readonly at: number } & (
  { readonly up: true; readonly ms: number } | { readonly up: false; readonly reason: string }
);

/** Probes a URL. It is up when it answers in time, body included, with a status below 400. */
export function probe(url: string, timeout: number, parent: Context): Future<Probe> {
  return future(async (ctx) => {
    const at = ctx.scheduler.now();
    const start = performance.now();
    const [limit, release] = withTimeout(timeout, ctx);
    try {
      const { status, body } = await fetch(url, {
        signal: limit.signal,
        // The address of a redirect is another target.
        redirect: 'manual',
        // The target may close a kept-alive connection just as it is reused, which would look like a failure.
        headers: { connection: 'close' },
      });
      await body?.pipeTo(new WritableStream());
      if (status >= 400) return { url, at, up: false, reason: `status ${status}` };
      return { url, at, up: true, ms: Math.round((performance.now() - start) * 10) / 10 };
    } catch (error) {
      if (ctx.cancelled) throw error;
      return { url, at, up: false, reason: reasonOf(limit.cancelled ? limit.cause : error) };
    } finally {
      release();
    }
  }, parent);
}

const reasons: Record<string, string> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'connection lost',
  UND_ERR_SOCKET: 'connection lost',
  UND_ERR_CONNECT_TIMEOUT: 'connecting timed out',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENOTFOUND: 'no such host (DNS)',
  EAI_AGAIN: 'DNS failure',
  ERR_SSL_WRONG_VERSION_NUMBER: 'no TLS',
};

/** Returns why a fetch failed. Its own error says only `fetch failed`; the reason is in its cause. */
export function reasonOf(error: unknown): string {
  if (error instanceof DeadlineError) return `timed out after ${error.ms} ms`;
  // One error for each address that the host has.
  if (error instanceof AggregateError) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const { code = '', cause, message } = error as NodeJS.ErrnoException;
  return reasons[code] ?? (cause === undefined ? message.replace(/\n.*/s, '') : reasonOf(cause));
}
