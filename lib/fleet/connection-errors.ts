import { FleetConnectionError } from './errors.js';

/**
 * The meaning of an error of the database:
 *
 * - `connection`: there is no connection. It comes back.
 * - `conflict`: another statement interfered. A retry succeeds.
 * - `server`: the server refuses the statement for now, whatever it is. The same statement may succeed later.
 * - `schema`: a table or a function is missing, or has another form. Only a set-up of the tables helps.
 * - `value`: a value of the statement cannot be stored, or it is too large. No later try can succeed.
 */
export type DatabaseErrorKind = 'connection' | 'conflict' | 'server' | 'schema' | 'value';

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

/**
 * SQLSTATEs of missing objects. 42: a statement that does not suit the tables; 3F: a missing schema. Not 42501, because
 * a right can be granted.
 */
const schemaStates = /^(42(?!501)|3F)/;

/** SQLSTATEs of refused values. 21, 22: invalid value; 23: constraint; 54: too large or too deep. */
const valueStates = /^(21|22|23|54)/;

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

/** Texts of internal errors of the server that a too large value causes. */
const valueMessages = /invalid memory alloc request size|out of memory.*enlarge string/i;

export function kindOf(error: unknown): DatabaseErrorKind {
  if (error instanceof FleetConnectionError) return 'connection';
  const { message } = Object(error) as { message?: unknown };
  const state = stateOf(error);
  if (networkCodes.has(state) || connectionStates.test(state)) return 'connection';
  // Serialization failure, and deadlock: two statements may lock the same jobs in a different order.
  if (state === '40001' || state === '40P01') return 'conflict';
  if (schemaStates.test(state)) return 'schema';
  if (valueStates.test(state) || valueMessages.test(String(message))) return 'value';
  // Thrown here, before the statement was sent.
  if (error instanceof TypeError || error instanceof RangeError) return 'value';
  return connectionMessages.test(String(message)) ? 'connection' : 'server';
}

/** Returns the SQLSTATE of an error, or another code. A client of the application may wrap the error of its driver. */
export function stateOf(error: unknown): string {
  const { code, cause } = Object(error) as { code?: unknown; cause?: unknown };
  const state = code ?? (Object(cause) as { code?: unknown }).code;
  return typeof state === 'string' ? state : '';
}

/** Whether an error means that there is no connection, rather than that a statement is refused. */
export function isConnectionError(error: unknown): boolean {
  return kindOf(error) === 'connection';
}

/** Whether a right is missing, such as that to create a table. */
export function isPermissionError(error: unknown): boolean {
  return stateOf(error) === '42501';
}
