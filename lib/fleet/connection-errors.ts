import { reportUnhandled } from '../util/report-unhandled.js';
import { FleetConnectionError } from './errors.js';

const networkCodes = new Set([
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

/** SQLSTATEs of lost or refused connections. 08: connection exception; 57P0: shutdown or start; 53300: too many. */
const connectionStates = /^(08|57P0|53300)/;

/** Texts of errors that the driver and pg-boss throw without a code. */
const connectionMessages = new RegExp(
  [
    'connection (terminated|ended|error)',
    'timeout (expired|exceeded)',
    'heartbeat timed out',
    'not (queryable|opened)',
    'is closed$',
  ].join('|'),
  'i',
);

/** Whether an error means that there is no connection, rather than that a statement is wrong. */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof FleetConnectionError) return true;
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string' && (networkCodes.has(code) || connectionStates.test(code))) return true;
  return connectionMessages.test(String(message));
}

/** Whether a retry of the same statement may succeed: the connection was lost, or another statement interfered. */
export function isTransient(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  // Serialization failure, and deadlock: two statements may lock the same jobs in a different order.
  return isConnectionError(error) || code === '40001' || code === '40P01';
}

/** Ignores the error of a lost connection, and reports any other. */
export function ignoreConnectionError(error: unknown): void {
  if (!isConnectionError(error)) reportUnhandled(error);
}
