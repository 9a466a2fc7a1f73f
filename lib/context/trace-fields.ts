/** The trace context of some code: the fields of a propagator, such as `traceparent`, and their values. */
export type TraceFields = Readonly<Record<string, string>>;

const maxFields = 16;
/** The longest value: that of the W3C's `baggage`. */
const maxValueLength = 8192;
/** The names and values of HTTP headers, which is what propagators write. */
const fieldName = /^[\w-]{1,64}$/;
const fieldValue = /^[\x20-\x7e]*$/;

let capture: (() => unknown) | undefined;

/** Sets the function that returns the trace context of the code that calls it. It must not throw. */
export function setTraceCapture(captureFields: () => unknown): void {
  capture = captureFields;
}

/** Returns the trace context of the current code; `undefined` without telemetry, or if there is no trace. */
export function captureTrace(): TraceFields | undefined {
  return capture && parseTraceFields(capture());
}

/** Returns the valid fields of any value, which another program may have written; `undefined` if there are none. */
export function parseTraceFields(value: unknown): TraceFields | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = Object.entries(value).filter(isField).slice(0, maxFields);
  return fields.length > 0 ? Object.fromEntries(fields) : undefined;
}

function isField(entry: [string, unknown]): entry is [string, string] {
  const [name, value] = entry;
  return fieldName.test(name) && typeof value === 'string' && value.length <= maxValueLength && fieldValue.test(value);
}
