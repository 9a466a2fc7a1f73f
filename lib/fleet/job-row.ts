import { captureTrace, parseTraceFields, type TraceFields } from '../context/trace-fields.js';
import type { JobFailure } from './errors.js';
import { toJobFailure } from './job-failure.js';
import { isAttempt, isJobId } from './message-fields.js';

/** A job in the table. Other programs may have written its columns. */
export interface JobRow {
  readonly queue: string;
  readonly id: string;
  /** Any text: a later version of pg-boss may have more states. */
  readonly state: string;
  /** The number of the last attempt, from 1. */
  readonly attempt: number;
  /** The output of a completed job, or the failure of the last attempt that failed. */
  readonly output: unknown;
  /** Whether the output is too long for the reader. */
  readonly outputLeftOut: boolean;
}

/** The data of a job. */
export interface JobData<In> {
  readonly input: In;
  /** Whether a process waits for the result. */
  readonly awaited?: boolean;
  /** The longest duration of an attempt, in ms, if it is not that of the queue. */
  readonly timeout?: number;
  /** The ids of the jobs that it waits for, and their outputs when they have completed. */
  readonly after?: readonly string[];
  readonly outputs?: readonly unknown[];
  /** The trace context of the code that has submitted the job. */
  readonly trace?: TraceFields;
}

/** The length of the id of a job. */
const idLength = 36;
/** The fields that this library writes into the data of a job. */
const dataFields = new Set(['input', 'awaited', 'timeout', 'after', 'outputs', 'trace']);

/** Parses a row of jobs. Returns undefined for a row without the columns of a job. */
export function parseJobRow(value: unknown): JobRow | undefined {
  const { queue, id, state, retryCount, output, outputLeftOut } = Object(value) as Record<string, unknown>;
  const attempt = typeof retryCount === 'number' ? retryCount + 1 : undefined;
  if (typeof queue !== 'string' || typeof id !== 'string' || typeof state !== 'string' || !isAttempt(attempt))
    return undefined;
  return { queue, id, state, attempt, output, outputLeftOut: outputLeftOut === true };
}

/**
 * Parses the data of a job. This library writes the input as `{ input }`. The data of a job that another program has
 * sent with pg-boss is the input itself. Without data, the input is undefined.
 */
export function parseJobData<In>(data: unknown): JobData<In> {
  if (isOwn(data, 'input')) return { input: data['input'] as In, ...otherFields(data) };
  // JSON leaves out an input that is undefined.
  if (isObject(data) && Object.keys(data).every((key) => dataFields.has(key)))
    return { input: undefined as In, ...otherFields(data) };
  return { input: (data ?? undefined) as In, awaited: false };
}

function otherFields(data: Record<string, unknown>): Omit<JobData<unknown>, 'input'> {
  const { awaited, timeout, after, outputs } = data;
  const trace = parseTraceFields(data['trace']);
  const isTimeout = typeof timeout === 'number' && timeout >= 1 && timeout <= 86_400_000;
  return {
    awaited: awaited === true,
    ...(isTimeout && { timeout }),
    ...(trace && { trace }),
    ...(Array.isArray(after) && { after: after.map(toId).filter((id) => id !== undefined) }),
    ...(Array.isArray(outputs) && { outputs: outputs.map((output) => parseOutput(output).value) }),
  };
}

/** Returns the id at the end of a stored key, if it has one. */
function toId(key: unknown): string | undefined {
  const id = typeof key === 'string' ? key.slice(-idLength) : undefined;
  return isJobId(id) ? id : undefined;
}

/** Returns the field of a job's data with the trace context of the current code, if there is one. */
export function currentTrace(): Pick<JobData<unknown>, 'trace'> | undefined {
  const trace = captureTrace();
  return trace && { trace };
}

/** Parses the output of a completed job, in the same way: as `{ value }`, or as the value itself. */
export function parseOutput(output: unknown): { readonly value?: unknown } {
  if (isOwn(output, 'value')) return { value: output['value'] };
  if (output === null || output === undefined || (isObject(output) && Object.keys(output).length === 0)) return {};
  return { value: output };
}

/** Parses the failure of a job. If pg-boss itself has failed the job, the output has no name. */
export function parseFailure(output: unknown): JobFailure {
  const wrapped = isOwn(output, 'value') ? output['value'] : undefined;
  const name = textIn(wrapped, 'name') ?? textIn(output, 'name') ?? 'Error';
  const message =
    textIn(output, 'message') ?? textIn(wrapped, 'message') ?? textOf(wrapped) ?? textOf(output) ?? 'unknown';
  return toJobFailure({ name, message });
}

function textIn(value: unknown, key: string): string | undefined {
  const text = isOwn(value, key) ? value[key] : undefined;
  return typeof text === 'string' ? text : undefined;
}

/** Returns the text of a value that is no object. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function isOwn(value: unknown, key: string): value is Record<string, unknown> {
  return isObject(value) && Object.hasOwn(value, key);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
