import { NEVER, Subject, takeUntil } from 'rxjs';
import { future, joinAll, launchRunner, task, taskRunner, untilCancelled, withCancel } from '../../dist/index.js';
import { nsPerPiece } from '../ns-per-piece.js';

export const title = 'growth: what must not grow with n';
export const unit = 'ns';
export const sizes = [100, 1000, 100_000];
export const repetitions = 3;
/** The benchmark fails when a target is missed. */
export const check = true;

/**
 * The number of operations is the same for every n. Operations are done to n things at a time, so that the heap and the
 * garbage collector's work are the same for every n.
 */
const total = 100_000;

const idle = task('x', () => NEVER);
const brief = task('x', { initialize: () => undefined, execute: () => 1, finalize: () => undefined });

export const contenders = {
  '`untilCancelled`: one in and out while n wait': () => {
    const [ctx] = withCancel();
    return inAndOut(() => NEVER.pipe(untilCancelled(ctx)).subscribe());
  },
  '`takeUntil(subject)`, for comparison': () => {
    const stop = new Subject();
    return inAndOut(() => NEVER.pipe(takeUntil(stop)).subscribe());
  },
  'a runner: launched and gone while n others run': () => {
    const [ctx, cancel] = withCancel();
    return inAndOut(() => launchRunner(ctx, cancel, taskRunner(idle)));
  },
  '`joinAll`: cancel and join n, per runner': () => (n) => {
    const groups = groupsOf(n, () => {
      const [ctx, cancel] = withCancel();
      return { ctx, cancel, runners: launchAll(n, idle, ctx, cancel) };
    });
    return () => {
      let joined = 0;
      for (const { ctx, cancel, runners } of groups) {
        joinAll(ctx, 1000, runners).subscribe(() => joined++);
        cancel();
      }
      if (joined !== total) throw new Error(`${joined} of ${total} were joined`);
    };
  },
  '`done$`: one of n subscribers leaves': () => (n) => leaving(n, (runner) => runner.done$),
  '`results$`: one of n subscribers leaves': () => (n) => leaving(n, (runner) => runner.results$),
  'futures: n under one context, awaited': () => (n) => async () => {
    const groups = groupsOf(n, () => {
      const [ctx] = withCancel();
      return Array.from({ length: n }, (_, i) => future(async () => i, ctx));
    });
    for (const futures of groups) for (const one of futures) await one.await();
  },
  'runners: n under one context, joined': () => (n) => () => {
    const groups = groupsOf(n, () => {
      const [ctx, cancel] = withCancel();
      return joinAll(ctx, 1000, launchAll(n, brief, ctx, cancel));
    });
    return Promise.all(groups.map((outcomes$) => new Promise((complete) => outcomes$.subscribe({ complete }))));
  },
};

function inAndOut(enter) {
  const all = () => {
    for (let i = 0; i < total; i++) enter().unsubscribe();
  };
  // Before the n exist: V8 allocates in old space where everything allocated so far has survived, and that is slow.
  all();
  let inside = 0;
  return (n) => {
    for (; inside < n; inside++) enter();
    return all;
  };
}

function groupsOf(n, make) {
  return Array.from({ length: total / n }, make);
}

function launchAll(n, what, ctx, cancel) {
  const runners = Array.from({ length: n }, () => taskRunner(what));
  for (const runner of runners) launchRunner(ctx, cancel, runner);
  return runners;
}

function leaving(n, streamOf) {
  const subscriptions = groupsOf(n, () => {
    const runner = taskRunner(idle);
    return Array.from({ length: n }, () => streamOf(runner).subscribe());
  }).flat();
  return () => {
    // In scattered order, because the first and the last may be quick to find. The prime visits each one once.
    for (let i = 0; i < total; i++) subscriptions[(i * 7919) % total].unsubscribe();
  };
}

export const measure = (contender, n) => nsPerPiece(contenders[contender](), n, total);

const bound = (ours, againstN, ratio) => ({ what: ours, n: 100_000, ours, againstN, ratio });

export const targets = [
  bound('`untilCancelled`: one in and out while n wait', 100, 2),
  {
    what: '`untilCancelled`: one in and out while n wait',
    n: 100_000,
    ours: '`untilCancelled`: one in and out while n wait',
    against: '`takeUntil(subject)`, for comparison',
  },
  bound('a runner: launched and gone while n others run', 100, 2),
  bound('`joinAll`: cancel and join n, per runner', 1000, 2),
  bound('`done$`: one of n subscribers leaves', 1000, 2),
  bound('`results$`: one of n subscribers leaves', 1000, 2),
  bound('futures: n under one context, awaited', 1000, 2.5),
  bound('runners: n under one context, joined', 1000, 2.5),
];
