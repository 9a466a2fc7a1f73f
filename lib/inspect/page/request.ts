import { authorization } from './token.js';

/** A request that hangs would block all later ones. */
const timeoutMs = 10_000;

/** The parts of a request that is not a mere GET. */
interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A failed request. */
export interface RequestFailure {
  readonly error: string;
  /** The status of the answer, if there is one. */
  readonly status?: number;
}

/** Sends a request to the inspector. Rejects if there is no answer in time. */
export function request(address: string, { headers, ...init }: RequestOptions = {}): Promise<Response> {
  const signal = AbortSignal.timeout(timeoutMs);
  return fetch(address, { ...init, headers: { ...headers, ...authorization() }, signal });
}

/** Requests JSON of the inspector. Never rejects: a failure is an `error`. */
export async function requestJson<T extends object>(
  address: string,
  options?: RequestOptions,
): Promise<T | RequestFailure> {
  try {
    const response = await request(address, options);
    const answer = (await response.json()) as T & { readonly error?: string };
    const { ok, status } = response;
    return ok ? answer : { error: answer.error ?? `The inspector answers with status ${status}`, status };
  } catch {
    return { error: 'The inspector does not answer' };
  }
}

/** Returns the address of a queue, below which its jobs are. */
export function queueAddress(queue: string): string {
  return `fleet/queues/${encodeURIComponent(queue)}`;
}
