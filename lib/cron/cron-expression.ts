import { Cron } from 'croner';
import { nearestName } from '../util/nearest-name.js';
import { printable } from '../util/printable.js';
import { invalid } from '../util/validate.js';

/** The longest reason in a message, in characters. */
const maxReason = 200;

/** Returns the first match of a cron expression after a time, both in ms since the epoch. */
type NextMatch = (after: number) => number | undefined;

/** The parsed expressions that are in use. Crons share them, because croner's form of one takes 80 kB. */
const inUse = new Map<string, WeakRef<NextMatch>>();

const collected = /* @__PURE__ */ new FinalizationRegistry((key: string) => {
  // It may have been parsed again.
  if (!inUse.get(key)?.deref()) inUse.delete(key);
});

/**
 * Parses a cron expression, unless the same one is in use.
 *
 * @throws RangeError if the expression is malformed or never due, or the time zone does not exist; TypeError if the
 * time zone is not a string.
 */
export function parseCronExpression(text: string, timezone: unknown): NextMatch {
  if (timezone !== undefined && typeof timezone !== 'string')
    throw new TypeError(invalid('timezone', 'the name of a time zone', timezone));
  const key = JSON.stringify([text, timezone]);
  const known = inUse.get(key)?.deref();
  if (known) return known;
  const parsed = parse(text, timezone);
  inUse.set(key, new WeakRef(parsed));
  collected.register(parsed, key);
  return parsed;
}

function parse(text: string, timezone: string | undefined): NextMatch {
  if (timezone !== undefined) validateTimezone(timezone);
  const expected = 'a number of ms, a cron expression of 5 or 6 fields, or a nickname such as `@daily`';
  const invalidExpression = (reason: string, options?: ErrorOptions) =>
    new RangeError(`${invalid('schedule', expected, text)}: ${reason}`, options);
  // Croner's errors quote the text.
  if (/[^\s!-~]/.test(text)) throw invalidExpression('it has an invalid character');
  if (/^(?:@every\b|[\d.]+\s*[a-z]*$)/i.test(text.trim()))
    throw invalidExpression('a period is a number of ms, such as `300_000`');
  if (/^@reboot$/i.test(text.trim()))
    throw invalidExpression('a task runs at the start, and a cron with `immediate: true` does, too');
  // Croner also accepts a single date, in many spellings.
  if (text.includes(':') || !/^\s*(@\w+|\S+(\s+\S+){4,5})\s*$/.test(text))
    throw invalidExpression('it has neither 5 nor 6 fields');
  const [nickname] = /^@\w+$/.exec(text.trim()) ?? [];
  if (nickname && !nicknames.includes(nickname.toLowerCase())) {
    const nearest = nearestName(nickname, nicknames);
    throw invalidExpression(nearest ? `did you mean \`${nearest}\`?` : `the nicknames are ${nicknames.join(', ')}`);
  }
  let parsed: Cron;
  try {
    parsed = new Cron(text, {
      paused: true,
      mode: '5-or-6-parts',
      // Steps such as `5/15`, as Quartz and Go write them.
      sloppyRanges: true,
      ...(timezone !== undefined && { timezone }),
    });
  } catch (cause) {
    throw invalidExpression(reasonOf(cause as Error), { cause });
  }
  if (!parsed.nextRun()) throw invalidExpression('it is never due');
  return (after) => parsed.nextRun(new Date(Math.floor(after)))?.getTime();
}

/** Croner's own, without `@reboot`. */
const nicknames = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

/** Returns croner's reason, with days and months as they are written: croner counts both from 0. */
function reasonOf({ message }: Error): string {
  const reason = message
    .replace(/^\w+: /, '')
    .replace(
      / for (day|month|nearestWeekdays): (-?\d+)$/,
      (_, field: string, n: string) => ` for ${field}: ${Number(n) + 1}`,
    );
  return printable(reason, maxReason);
}

function validateTimezone(timezone: string): void {
  try {
    // Only later versions of Node take an offset.
    if (/^[+-]/.test(timezone)) throw new RangeError('An offset has no daylight saving time');
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    // Without its cause, which quotes the text as it is.
    throw new RangeError(invalid('timezone', 'a time zone of the IANA database', timezone));
  }
}
