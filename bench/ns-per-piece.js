const now = () => performance.now();

/**
 * How many ns one of the pieces of a work takes, n unless said. `prepare(n)` gives, or promises, the function that is timed; that is one
 * wave, and a round is as many waves as its clock needs to be exact.
 */
export async function nsPerPiece(prepare, n, pieces = n) {
  const round = async () => {
    let ms = 0;
    let waves = 0;
    for (; ms < 30; waves++) {
      const run = await prepare(n);
      // Where a wave is long, the garbage of the one before is none of its cost.
      if (pieces >= 100_000) globalThis.gc();
      const start = now();
      await run();
      ms += now() - start;
    }
    return (ms * 1e6) / (waves * pieces);
  };

  const rounds = [];
  const start = now();
  // Who needs 3 s for the first round has no need to be warmed up for a second one.
  while (now() - start < (rounds.length < 2 ? 3000 : 400)) rounds.push(await round());
  // The first half is the warm-up.
  return median(rounds.slice(Math.floor(rounds.length / 2)));
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
