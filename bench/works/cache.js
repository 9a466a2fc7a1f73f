import { median } from '../ns-per-piece.js';

export const title =
  'cache: a run or a future, after other code has used n kB of memory, as the rest of a request does';
export const unit = 'ns';
export const sizes = [0, 64, 1024, 4096];
export const label = (kB) => `${kB.toLocaleString('en')} kB`;
export const base = 'a promise';

const pieces = 20_000;

/** Each returns a function that starts a piece of work, whose promise is given. */
export const contenders = {
  'a promise': () => (work) => void work().then(ignore),
  'a future':
    (ctx, { future }) =>
    (work) =>
      void future(work, ctx),
  'a run':
    (ctx, { task, taskRunner }) =>
    (work) =>
      taskRunner(task('x', work)).start(ctx).subscribe(),
};

/** Measures the start and the end of a piece, each after the cache was used for something else. */
export async function measure(contender, kB) {
  const library = await import('../../dist/index.js');
  const { launch, task } = library;
  const other = new Uint8Array(kB * 1024);
  const times = [];
  let resolve;
  const work = () => new Promise((resolved) => (resolve = resolved));
  const time = async (action) => {
    other.fill(times.length);
    const from = process.hrtime.bigint();
    await action();
    return Number(process.hrtime.bigint() - from);
  };
  const server = task('server', async (ctx) => {
    const start = contenders[contender](ctx, library);
    for (let i = 0; i < pieces; i++) {
      const started = await time(() => void start(work));
      times.push(started + (await time(end)));
    }
  });
  const end = async () => {
    resolve();
    for (let i = 0; i < 3; i++) await undefined;
  };
  await launch([server]);
  // The first half compiles the code.
  return median(times.slice(pieces / 2));
}

export const targets = [];

function ignore() {
  // The value is of no interest.
}
