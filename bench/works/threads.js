import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

export const title = 'threads: a hash of n rounds, 500 of them on all cores';
export const unit = 'µs';
/** An empty call, and hashes of about 0.6 and 6 ms. */
export const sizes = [1, 2000, 20_000];
export const label = (n) => `${n.toLocaleString('en')} ${n === 1 ? 'round' : 'rounds'}`;
export const repetitions = 9;

const hashes = 500;
const threads = availableParallelism();
const module = new URL('../hash.js', import.meta.url);

/** Each starts its threads, and returns the function that makes a hash in one of them. */
export const contenders = {
  'rxjs-tasks': async () => {
    const { firstValueFrom } = await import('rxjs');
    const { threadPool } = await import('../../dist/threads/index.js');
    const pool = threadPool({ threads });
    return (input) => firstValueFrom(pool.run(module, input));
  },
  piscina: async () => {
    const { Piscina } = await import('piscina');
    const pool = new Piscina({ filename: fileURLToPath(module), minThreads: threads, maxThreads: threads });
    return (input) => pool.run(input);
  },
  'piscina, abortable': async () => {
    const { Piscina } = await import('piscina');
    const pool = new Piscina({ filename: fileURLToPath(module), minThreads: threads, maxThreads: threads });
    return (input) => pool.run(input, { signal: new AbortController().signal });
  },
};

export async function measure(contender, rounds) {
  const hash = await contenders[contender]();
  const all = () => Promise.all(Array.from({ length: hashes }, (_, i) => hash({ password: `secret ${i}`, rounds })));
  await all();
  const start = performance.now();
  await all();
  return ((performance.now() - start) * 1000) / hashes;
}

export const targets = [
  { what: 'a hash in a thread, on all cores', n: 20_000, against: 'piscina', ratio: 1.05 },
  { what: 'a hash in a thread, on all cores', n: 2000, against: 'piscina' },
  { what: 'a mere call in a thread', n: 1, against: 'piscina' },
  { what: 'a mere call in a thread', n: 1, against: 'piscina, abortable' },
];
