/** The number of paths that are kept at least: a task may give each of its children a new name. */
const minPaths = 1000;

/** Numbers the runs below a runner by path, because several of its children may share a path. */
export class RunIds {
  // Two maps, because it takes much longer to move each path to the end of one.
  private recent = new Map<string, { count: number }>();
  /** The paths that were in use before, each until it is used again. */
  private older: ReadonlyMap<string, { count: number }> = new Map();

  next(path: string): number {
    return ++(this.recent.get(path) ?? this.add(path)).count;
  }

  private add(path: string): { count: number } {
    const runs = this.older.get(path) ?? { count: 0 };
    if (this.recent.size >= minPaths) {
      this.older = this.recent;
      this.recent = new Map();
    }
    this.recent.set(path, runs);
    return runs;
  }
}
