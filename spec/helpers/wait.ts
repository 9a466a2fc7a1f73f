/** Longer than any condition takes on a busy machine, and shorter than mocha's timeout. */
const limitMs = 110_000;

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves later than timers that are too long for Node, which would fire after 1 ms. */
export function outlastOverflow(): Promise<void> {
  return pause(20);
}

/** Polls a condition until it holds. The limit is for hangs alone. */
export async function waitUntil(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const start = performance.now(); !(await holds()); await pause(5))
    if (performance.now() - start > limitMs) throw new Error(`Still false after ${limitMs} ms: ${holds.toString()}`);
}
