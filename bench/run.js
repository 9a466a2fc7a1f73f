import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median } from './ns-per-piece.js';

const program = fileURLToPath(new URL('measure.js', import.meta.url));

/**
 * Measures all contenders of a work at all its sizes, each time in a process of its own. They take turns, so that other
 * load on the machine affects all of them. A figure is the median of the repetitions, with the minimum and maximum. A
 * contender that fails or exceeds its time is not measured at larger sizes. One that the work skips, because this
 * machine lacks what it needs, is not measured at all.
 */
export async function run(name, work, quick) {
  const { contenders, sizes, label, repetitions = 5, limit = 20_000, together = false } = work;
  const figures = Object.fromEntries(Object.keys(contenders).map((contender) => [contender, {}]));
  /** The contenders that are not measured any more, with what their cells show. */
  const stopped = new Map();
  for (const contender of Object.keys(contenders)) {
    const why = work.skip?.(contender);
    if (!why) continue;
    stopped.set(contender, why);
    console.error(`${name}: ${contender} is skipped: ${why}`);
  }

  for (const n of quick ? sizes.filter((size) => size < 1_000_000) : sizes) {
    for (const [contender, why] of stopped) figures[contender][n] = { stopped: why };
    const racing = Object.keys(contenders).filter((contender) => !stopped.has(contender));
    console.error(`${name} ${label?.(n) ?? n.toLocaleString('en')}`);
    const samples = Object.fromEntries(racing.map((contender) => [contender, []]));
    const measure = async (contender) => {
      if (stopped.has(contender)) return;
      const { sample, why } = await measureOnce(name, contender, n, limit);
      if (why) {
        stopped.set(contender, '—');
        figures[contender][n] = { stopped: why };
      } else samples[contender].push(sample);
    };
    for (let i = 0; i < (quick ? 1 : repetitions); i++) {
      if (together) await Promise.all(racing.map(measure));
      else for (const contender of racing) await measure(contender);
    }
    for (const contender of racing) figures[contender][n] ??= summary(samples[contender]);
  }
  return figures;
}

async function measureOnce(name, contender, n, limit) {
  const args = ['--expose-gc', program, name, contender, n];
  try {
    // Some contenders log a lot.
    const options = { timeout: limit, killSignal: 'SIGKILL', maxBuffer: Infinity };
    const { stdout } = await promisify(execFile)(process.execPath, args, options);
    return { sample: JSON.parse(stdout) };
  } catch (error) {
    if (error.killed) return { why: `> ${limit / 1000} s` };
    if (error.stderr.includes('heap out of memory')) return { why: 'out of memory' };
    console.error(`${name}, ${contender}: ${error.stderr.slice(-2000)}`);
    process.exitCode = 1;
    return { why: 'failed' };
  }
}

/** Summarizes samples of a figure, or of several, each by itself. */
function summary(samples) {
  const [first] = samples;
  if (typeof first === 'object')
    return Object.fromEntries(Object.keys(first).map((part) => [part, summary(samples.map((each) => each[part]))]));
  const round = (figure) => Number(figure.toPrecision(6));
  return { median: round(median(samples)), min: round(Math.min(...samples)), max: round(Math.max(...samples)) };
}
