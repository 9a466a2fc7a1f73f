/** The most paths, because a name may consist of slashes, and each path above it is as long. */
const maxPaths = 100;

/** Returns the paths above a path, the nearest first. A name may contain a `/`, so some may be of no task. */
export function pathsAbove(path: string): string[] {
  const paths: string[] = [];
  for (let end = path.lastIndexOf('/'); end > 0 && paths.length < maxPaths; end = path.lastIndexOf('/', end - 1))
    paths.push(path.slice(0, end));
  return paths;
}
