import { authorization } from './token.js';

const requestTimeoutMs = 10_000;

/** A request without an answer. */
export interface QueueFailure {
  readonly error: string;
  /** Whether there is no such queue or job. */
  readonly isMissing: boolean;
}

/** Requests a resource of a queue, such as `jobs`. Never rejects: a failure is an `error`. */
export async function requestQueue<T>(queue: string, resource: string): Promise<T | QueueFailure> {
  try {
    const response = await fetch(`fleet/queues/${encodeURIComponent(queue)}/${resource}`, {
      headers: authorization(),
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    const answer = (await response.json()) as T & { readonly error?: string };
    if (response.ok) return answer;
    const error = answer.error ?? `The inspector answers with status ${response.status}`;
    return { error, isMissing: response.status === 404 };
  } catch {
    return { error: 'The inspector does not answer', isMissing: false };
  }
}
