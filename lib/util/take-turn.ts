const lastTurns = new WeakMap<object, Promise<unknown>>();

/** Starts work on an object when all earlier work on it has ended. */
export function takeTurn<T>(object: object, work: () => Promise<T>): Promise<T> {
  const turn = (lastTurns.get(object) ?? Promise.resolve()).then(work);
  // An error concerns its own caller alone.
  lastTurns.set(
    object,
    turn.catch(() => undefined),
  );
  return turn;
}
