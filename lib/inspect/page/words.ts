/** A length of time for people. */
export function span(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_500) return `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;
  // Rounded first: there are no 60 seconds beside a minute.
  const [unit, per, large, small] =
    ms < 3_599_500 ? [1000, 60, 'min', 's'] : ms < 86_370_000 ? [60_000, 60, 'h', 'min'] : [3_600_000, 24, 'd', 'h'];
  const count = Math.round(ms / unit);
  return `${Math.floor(count / per)} ${large} ${count % per} ${small}`;
}

/** How long it is to a time, which may have passed since one has heard of it. */
export function until(at: number, now: number): string {
  return at - now < 1000 ? 'in < 1 s' : `in ${span(at - now)}`;
}

const two = (n: number) => String(n).padStart(2, '0');

/** The time of the day, as exact as a step on the axis asks for. */
export function clock(at: number, step = 1): string {
  const date = new Date(at);
  if (step >= 86_400_000) return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const minutes = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (step >= 60_000) return minutes;
  const seconds = `${minutes}:${two(date.getSeconds())}`;
  return step >= 1000 ? seconds : `${seconds}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
