// What must not grow with n: waiting for a cancel and leaving again, and a runner's share of a join.
import { NEVER, Subject, takeUntil } from 'rxjs';
import { joinAll, launchRunner, task, taskRunner, untilCancelled, withCancel } from 'rxjs-tasks';

const rounds = 7;

/** The median over several rounds of how many ns a piece of work takes, after one round to warm up. */
function medianNs(prepare) {
  const measure = () => {
    const work = prepare();
    globalThis.gc?.();
    const start = process.hrtime.bigint();
    const pieces = work();
    return Number(process.hrtime.bigint() - start) / pieces;
  };
  measure();
  const all = Array.from({ length: rounds }, measure).sort((a, b) => a - b);
  return all[Math.floor(rounds / 2)];
}

/** One subscribes and unsubscribes while n others wait. */
function oneOf(n, operator, times) {
  for (let i = 0; i < n; i++) NEVER.pipe(operator).subscribe();
  return medianNs(() => () => {
    for (let i = 0; i < times; i++) NEVER.pipe(operator).subscribe().unsubscribe();
    return times;
  });
}

/**
 * All of 100,000 runners are joined and cancelled, n at a time, so that the heap, and what the garbage collector makes of it,
 * is the same for every n.
 */
function joinsOf(n) {
  const total = 100_000;
  return medianNs(() => {
    const groups = Array.from({ length: total / n }, () => {
      const [ctx, cancel] = withCancel();
      const runners = Array.from({ length: n }, () => taskRunner(task('x', () => NEVER)));
      for (const runner of runners) launchRunner(ctx, cancel, runner);
      return { ctx, cancel, runners };
    });
    return () => {
      let joined = 0;
      for (const { ctx, cancel, runners } of groups) {
        joinAll(ctx, 1000, runners).subscribe(() => joined++);
        cancel();
      }
      if (joined !== total) throw new Error(`${joined} of ${total} were joined`);
      return total;
    };
  });
}

const rows = [
  {
    what: '`untilCancelled`: one in and out while n wait',
    sizes: [100, 100_000],
    measure: (n) => oneOf(n, untilCancelled(withCancel()[0]), 100_000),
    bound: 2,
  },
  {
    what: '`takeUntil(subject)`: the same, for comparison',
    sizes: [100, 100_000],
    measure: (n) => oneOf(n, takeUntil(new Subject()), n > 1000 ? 500 : 100_000),
  },
  { what: '`joinAll`: cancel and join n, per runner', sizes: [1000, 100_000], measure: joinsOf, bound: 2 },
];

console.log('| what | at n | ns | at n | ns | ratio | must be |\n|---|---|---|---|---|---|---|');
for (const { what, sizes, measure, bound } of rows) {
  const ns = sizes.map(measure);
  const ratio = ns[1] / ns[0];
  const cells = sizes.flatMap((n, i) => [n.toLocaleString('en'), ns[i].toFixed(0)]);
  console.log(`| ${[what, ...cells, ratio.toFixed(2), bound ? `≤ ${bound}` : ''].join(' | ')} |`);
  if (ratio > bound) {
    console.error(`This grows with n, and must not: ${what}`);
    process.exitCode = 1;
  }
}
