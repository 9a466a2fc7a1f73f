import { day, duration, minute, second } from '../../util/duration.js';

/** Formats a number of things. */
export function counted(count: number, name: string): string {
  return `${count.toLocaleString('en')} ${name}${count === 1 ? '' : 's'}`;
}

/** Formats the time until `at`. It may have passed since the page received it. */
export function timeUntil(at: number, now: number): string {
  return at - now < second ? 'in < 1 s' : `in ${duration(at - now)}`;
}

const twoDigits = (n: number) => String(n).padStart(2, '0');

/** Formats a local time for an axis with this step between its ticks: a date, or a time of day as precise as needed. */
export function clockTime(at: number, step = 1): string {
  if (step >= day) return localDate(at);
  const date = new Date(at);
  const minutes = `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
  if (step >= minute) return minutes;
  const seconds = `${minutes}:${twoDigits(date.getSeconds())}`;
  return step >= second ? seconds : `${seconds}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

export function localDate(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())}`;
}

/** Formats a local time, with its date unless that is today. */
export function shortTime(at: number, now: number): string {
  const [date, time] = [localDate(at), clockTime(at, 1000)];
  return date === localDate(now) ? time : `${date} ${time}`;
}
