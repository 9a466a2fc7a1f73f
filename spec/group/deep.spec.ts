import { expect } from 'chai';
import { NEVER, Subject } from 'rxjs';
import {
  dynamic,
  joinAll,
  ordered,
  parallel,
  RestartLimitError,
  snapshot,
  supervise,
  task,
  taskRunner,
  withCancel,
  type Outcome,
  type Snapshot,
  type TaskRunner,
} from '../../lib/index.js';
import { collect } from '../helpers/collect.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { eventTypes, outcomeOf, settled } from '../helpers/tasks.js';

/**
 * The number of levels: the largest that is promised, and one that takes less time. Without a limit of nested calls,
 * the call stack is too short for 500.
 */
const [maxDepth, depth] = [5000, 1000];

/** A leaf below very many groups, with the calls of its hooks. */
class DeepTree {
  readonly source: Subject<number> = new Subject<number>();
  readonly calls: string[] = [];
  readonly root: TaskRunner<number>;
  promise: Promise<number> | undefined = undefined;

  constructor(wrap: (runner: TaskRunner<number>, level: number) => TaskRunner<number>, levels = depth) {
    let runner = taskRunner(
      task<number>('leaf', {
        initialize: () => void this.calls.push('initialize'),
        execute: () => this.promise ?? this.source,
        finalize: () => void this.calls.push('finalize'),
      }),
    );
    for (let level = 0; level < levels; level++) runner = wrap(runner, level);
    this.root = runner;
  }
}

/** Returns the deepest of nested outcomes or snapshots, and the number of levels. */
function deepest<N extends { readonly members?: readonly N[] }>(root: N | undefined): [N | undefined, number] {
  let levels = 0;
  let last = root;
  for (let at = root; at; at = at.members?.[0]) {
    last = at;
    levels++;
  }
  return [last, levels];
}

const wraps: Readonly<Record<string, (runner: TaskRunner<number>) => TaskRunner<number>>> = {
  ordered: (runner) => ordered('g', runner),
  parallel: (runner) => parallel('g', runner),
  supervise: (runner) => supervise(runner, { maxRestarts: 0 }),
};

const kinds = [['ordered'], ['parallel', 'supervise', 'ordered']].map((names) => {
  const nameAt = (level: number) => names[level % names.length] ?? '';
  const wrap = (runner: TaskRunner<number>, level: number) => wraps[nameAt(level)]?.(runner) ?? runner;
  // A supervised task is no level of its own.
  const levelsOf = (depth: number) =>
    Array.from({ length: depth }, (_, level) => nameAt(level)).filter((name) => name !== 'supervise').length + 1;
  return { title: names.join(', '), levels: levelsOf(depth), maxLevels: levelsOf(maxDepth), wrap };
});

for (const { title, levels, maxLevels, wrap } of kinds) {
  describe(`A task below very many groups (${title})`, function () {
    // The time depends on the machine.
    this.timeout(0);

    it('is ready, emits a value and ends at a cancel, with the snapshot and outcome of each of 5,000 levels', () => {
      const { root, source, calls } = new DeepTree(wrap, maxDepth);
      const [ctx, cancel] = withCancel();
      const ready = collect(root.ready$);
      const received = collect(root.start(ctx));
      expect(ready).to.deep.equal([undefined, 'complete']);
      source.next(1);
      const [leaf, snapshots] = deepest<Snapshot>(snapshot(root));
      expect([leaf?.name, leaf?.status, snapshots]).to.deep.equal(['leaf', 'running', maxLevels]);
      cancel();
      expect(received).to.deep.equal([1, 'complete']);
      expect(calls).to.deep.equal(['initialize', 'finalize']);
      const [last, outcomes] = deepest<Outcome>(outcomeOf(root));
      expect([last?.status, outcomes]).to.deep.equal(['cancelled', maxLevels]);
      expectNothingLeft(ctx);
    });

    it('ends by itself after several values, in their order', () => {
      const { root, source, calls } = new DeepTree(wrap);
      const received = collect(root.start());
      for (const value of [1, 2, 3]) source.next(value);
      source.complete();
      expect(received).to.deep.equal([1, 2, 3, 'complete']);
      expect([calls, outcomeOf(root)?.status]).to.deep.equal([['initialize', 'finalize'], 'completed']);
    });

    it('times out in a join, as every level above it does', () => {
      const tree = new DeepTree(wrap);
      tree.promise = new Promise(() => undefined);
      const [ctx, cancel] = withCancel();
      tree.root.start(ctx).subscribe();
      cancel();
      const outcomes: Outcome[] = [];
      // With 0 ms, the join does not wait for a timer.
      joinAll(ctx, 0, [tree.root]).subscribe((outcome) => outcomes.push(outcome));
      const [last, count] = deepest(outcomes[0]);
      expect([last?.task.endsWith('leaf') ?? false, last?.status, count]).to.deep.equal([true, 'timed-out', levels]);
    });

    for (const when of ['later', 'in the call of execute'])
      it(`fails ${when}, is the error of every level, and finalizes once`, () => {
        const { root, source, calls } = new DeepTree(wrap);
        if (when !== 'later') source.error(new Error('boom'));
        const received = collect(root.start());
        source.error(new Error('boom'));
        const outcome = outcomeOf(root);
        const [last, count] = deepest(outcome);
        expect([outcome?.status, last?.status, count]).to.deep.equal(['failed', 'failed', levels]);
        expect(received).to.deep.equal([outcome?.error]);
        // A supervised task reports its limit, with the error as its cause.
        let error: unknown = outcome?.error;
        while (error instanceof RestartLimitError) error = error.cause;
        expect(last?.error).to.equal(error);
        expect(calls).to.deep.equal(['initialize', 'finalize']);
      });
  });
}

describe('A listener of the events of very many nested groups', function () {
  this.timeout(0);

  it('receives those of every level', () => {
    const { root, source } = new DeepTree((runner) => ordered('g', runner));
    const types = eventTypes(root);
    root.start().subscribe();
    source.complete();
    expect(types.filter((type) => type === 'done')).to.have.length(depth + 1);
    expect(types.at(-1)).to.equal('done');
  });
});

describe('A dynamic group', function () {
  // The time depends on the machine.
  this.timeout(0);

  it('leaves nothing behind after 100,000 members', async () => {
    const group = dynamic('group');
    group.start().subscribe();
    for (let i = 0; i < 100_000; i++) {
      const key = `member-${i % 1000}`;
      group.add(key, task('x', { execute: () => NEVER, finalize: () => undefined }));
      void group.remove(key);
    }
    await settled();
    expect(group.keys).to.deep.equal([]);
    expect(snapshot(group)).to.deep.include({ members: [], children: { started: 100_000, failed: 0 } });
  });
});
