const now = () => performance.now();

/**
 * Measures the ns that one piece of a work takes. `prepare(n)` returns, or promises, the function that is timed. One
 * call of it is a wave; a round is as many waves as the clock needs to be exact.
 *
 * @param pieces pieces of work in one wave. Default: `n`.
 */
export async function nsPerPiece(prepare, n, pieces = n) {
  const round = async () => {
    let ms = 0;
    let waves = 0;
    for (; ms < 30; waves++) {
      const run = await prepare(n);
      // In a long wave, the garbage of the previous wave is not part of the cost.
      if (pieces >= 100_000) globalThis.gc();
      const start = now();
      await run();
      ms += now() - start;
    }
    return (ms * 1e6) / (waves * pieces);
  };

  const rounds = [];
  const start = now();
  // A first round of 3 s is warm-up enough.
  while (now() - start < (rounds.length < 2 ? 3000 : 400)) rounds.push(await round());
  // The first half is the warm-up.
  return median(rounds.slice(Math.floor(rounds.length / 2)));
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
