import { duration } from '../axis.js';

/** How long it is to a time, which may have passed since one has heard of it. */
export function until(at: number, now: number): string {
  return at - now < 1000 ? 'in < 1 s' : `in ${duration(at - now)}`;
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
