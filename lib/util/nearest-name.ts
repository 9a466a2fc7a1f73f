/** The most typing errors between a name and the one that was meant. */
const maxErrors = 2;
/** The longest name that is compared, in characters. */
const maxLength = 100;
/** The shortest part of a name that says which name was meant, in characters. */
const minPart = 3;

/** Returns the known name that a name is probably a misspelling of. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (name.length > maxLength) return undefined;
  let nearest: string | undefined;
  let fewest = Infinity;
  for (const candidate of known) {
    const errors = typingErrors(name.toLowerCase(), candidate.toLowerCase());
    if (errors >= fewest || errors > Math.min(maxErrors, candidate.length / 3)) continue;
    nearest = candidate;
    fewest = errors;
  }
  return nearest;
}

/** Returns the one known name that contains a name or is a part of it, such as `timeout` for `shutdownTimeout`. */
export function relatedName(name: string, known: readonly string[]): string | undefined {
  if (name.length > maxLength) return undefined;
  const [related, ...further] = known.filter((candidate) => contains(name, candidate) || contains(candidate, name));
  return further.length === 0 ? related : undefined;
}

function contains(name: string, part: string): boolean {
  return part.length >= minPart && name.toLowerCase().includes(part.toLowerCase());
}

/**
 * Returns the number of letters that are wrong, missing, superfluous or swapped with their neighbour: the optimal
 * string alignment distance. Names of very different lengths are not compared.
 */
function typingErrors(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > maxErrors) return Infinity;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let errors = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        errors = Math.min(errors, at(beforeLast, j - 2) + 1);
      row.push(errors);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], j: number): number {
  return row[j] ?? Infinity;
}
