import { median } from '../ns-per-piece.js';

export const title = 'lateness: by how much a tick of every 10 ms comes after start + k · 10 ms';
export const unit = 'ms';
/** In s after the start. */
export const sizes = [10, 60];
export const label = (n) => `${n} s`;
export const repetitions = 1;
export const limit = 70_000;
/** The contenders sleep nearly all the time, so they do not disturb each other. */
export const together = true;

const period = 10;

/** Each calls `tick` with the number of the slot. */
export const contenders = {
  'rxjs-tasks': async () => {
    const { cron, task } = await import('../../dist/index.js');
    return (tick) => {
      let first;
      // A missed slot never runs, so the number of runs does not give the time at which one was due.
      const run = ({ slot }) => tick(Math.round((slot - (first ??= slot)) / period));
      cron(task('x', run), period).start().subscribe();
    };
  },
  setInterval: () => (tick) => {
    let k = 0;
    setInterval(() => tick(++k), period);
  },
  'RxJS interval': async () => {
    const { interval } = await import('rxjs');
    return (tick) => interval(period).subscribe((k) => tick(k + 1));
  },
};

/** Returns the median over the last second. */
export async function measure(contender, seconds) {
  const startTicking = await contenders[contender]();
  const lates = [];
  const start = performance.now();
  startTicking((k) => lates.push(performance.now() - (start + k * period)));
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  // A contender that omits ticks must not look punctual.
  if (lates.length < 0.9 * seconds * (1000 / period)) throw new Error(`Only ${lates.length} ticks in ${seconds} s`);
  return median(lates.slice(-1000 / period));
}

export const targets = [
  { what: 'lateness of a 10 ms cron', n: 60, againstN: 10, difference: 1 },
  { what: 'lateness of a 10 ms cron', n: 60, against: 'RxJS interval' },
  { what: 'lateness of a 10 ms cron', n: 60, against: 'setInterval' },
];
