/** The phase of a run. `waiting` is the time between a failed run and its restart. */
export type RunKind = 'initializing' | 'running' | 'finalizing' | 'waiting';

/** A run that has begun and not ended. */
export interface ActiveRun {
  runId: number | undefined;
  kind: RunKind;
  /** Whether it has emitted `initializing`. */
  readonly hasInitialize: boolean;
  /** Whether its failure has been counted. */
  hasFailed: boolean;
}

/** The kinds in the order in which a row shows them when several runs are active. */
const order = ['running', 'initializing', 'finalizing', 'waiting'] as const;

/** The active runs of one path: a task may start several of the same name, and tasks may share a path. */
export class ActiveRuns {
  /** The runs by their numbers. Tasks that share a path may have runs of the same number, which get other keys. */
  private readonly runs = new Map<number | undefined, ActiveRun>();
  private readonly counts: Record<RunKind, number> = { running: 0, initializing: 0, finalizing: 0, waiting: 0 };
  private lastKey = 0;

  get size(): number {
    return this.runs.size;
  }

  /** The kind that a row shows. */
  get kind(): RunKind | undefined {
    return order.find((kind) => this.counts[kind] > 0);
  }

  begin(runId: number | undefined, kind: RunKind, hasInitialize: boolean): ActiveRun {
    const run = { runId, kind, hasInitialize, hasFailed: false };
    this.runs.set(this.runs.has(runId) ? --this.lastKey : runId, run);
    this.counts[kind]++;
    return run;
  }

  /** A run that restarts has another number. */
  renumber(run: ActiveRun, runId: number | undefined): void {
    if (run.runId === runId || this.runs.has(runId)) return;
    this.runs.delete(this.keyOf(run));
    this.runs.set(runId, run);
    run.runId = runId;
  }

  enter(run: ActiveRun, kind: RunKind): void {
    this.counts[run.kind]--;
    this.counts[kind]++;
    run.kind = kind;
  }

  end(run: ActiveRun): void {
    this.runs.delete(this.keyOf(run));
    this.counts[run.kind]--;
  }

  clear(): void {
    this.runs.clear();
    for (const kind of order) this.counts[kind] = 0;
  }

  /** Returns the run of an event, or else the one that began last: a recording may lack its beginning. */
  of(runId: number | undefined): ActiveRun | undefined {
    return this.runs.get(runId) ?? this.find((run) => run.runId === runId) ?? [...this.runs.values()].at(-1);
  }

  /** Returns the run that `initializing` or `ready` continues. It is another run if it restarts. */
  waitingFor(type: 'initializing' | 'ready', runId: number | undefined): ActiveRun | undefined {
    const own = this.runs.get(runId);
    if (type === 'ready') {
      if (own?.kind === 'initializing') return own;
      // Two runs may have the same number, and the first may have ended.
      if (this.lastKey < 0 && this.counts.initializing > 0) {
        const other = this.find((run) => run.runId === runId && run.kind === 'initializing');
        if (other) return other;
      }
      // A group emits `ready` again when a member does. A task without `initialize` begins with `ready`.
      if (own?.kind === 'running' && own.hasInitialize) return own;
    }
    if (this.counts.waiting === 0) return undefined;
    return own?.kind === 'waiting' ? own : this.find(({ kind }) => kind === 'waiting');
  }

  private find(matches: (run: ActiveRun) => boolean): ActiveRun | undefined {
    return [...this.runs.values()].find(matches);
  }

  private keyOf(run: ActiveRun): number | undefined {
    if (this.runs.get(run.runId) === run) return run.runId;
    return [...this.runs].find(([, each]) => each === run)?.[0];
  }
}
