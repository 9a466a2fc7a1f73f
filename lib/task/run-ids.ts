/** The most paths whose runs are counted: a task that makes up a name for each child has no end of paths. */
const maxPaths = 1000;

/** Numbers the runs below a runner by path, because several of its children may share a path. */
export class RunIds {
  /** The number of runs by path. The path that was used last comes last. */
  private readonly counts = new Map<string, number>();

  next(path: string): number {
    const { counts } = this;
    const runId = (counts.get(path) ?? 0) + 1;
    counts.delete(path);
    counts.set(path, runId);
    const [oldest] = counts.size > maxPaths ? counts.keys() : [];
    if (oldest !== undefined) counts.delete(oldest);
    return runId;
  }
}
