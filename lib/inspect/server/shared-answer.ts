/** An answer serves all requests within this time, in ms, or within so many times the time that it took. */
const [cacheMs, timesLonger] = [1000, 4];
/** The longest time that an answer is kept, in ms: a query seems to take long if the clock is set forward meanwhile. */
const maxCacheMs = 20_000;
const answerTimeoutMs = 5000;

/**
 * Shares the answers to a query between any number of clients, to spare the database. There is one query at a time. Its
 * answer or failure serves all requests of the next second, or of four times as long as it took, at most of 20 s.
 * Rejects after 5 s without an answer.
 */
export function sharedAnswer<T>(query: () => Promise<T>, now: () => number): () => Promise<T> {
  let answer: Promise<T> | undefined;
  let askedAt = 0;
  let answeredAt: number | undefined;
  return () => {
    // A negative age means that the clock was set back; the answer is then outdated, too.
    const age = answeredAt === undefined ? 0 : now() - answeredAt;
    const maxAge = Math.min(maxCacheMs, Math.max(cacheMs, timesLonger * ((answeredAt ?? 0) - askedAt)));
    if (answer && age >= 0 && age < maxAge) return answer;
    askedAt = now();
    answeredAt = undefined;
    // A query that throws becomes a rejection.
    const pending = new Promise<T>((resolve) => resolve(query()));
    const onAnswer = () => (answeredAt = now());
    pending.then(onAnswer, onAnswer);
    return (answer = withTimeout(pending));
  };
}

/** The number of keys whose answers are kept. */
const maxKeys = 100;

/** The shared answers to queries, each of which has a key. */
export class SharedAnswers<T> {
  private readonly now: () => number;
  /** The least recently requested first. */
  private readonly answers = new Map<string, () => Promise<T>>();

  constructor(now: () => number) {
    this.now = now;
  }

  /** Lets the next requests get new answers. */
  clear(): void {
    this.answers.clear();
  }

  get(key: string, query: () => Promise<T>): Promise<T> {
    const { answers } = this;
    const answer = answers.get(key) ?? sharedAnswer(query, this.now);
    answers.delete(key);
    answers.set(key, answer);
    const [oldest = key] = answers.keys();
    if (answers.size > maxKeys) answers.delete(oldest);
    return answer();
  }
}

/** Rejects after the timeout. The query stays pending, so that it is not repeated meanwhile. */
function withTimeout<T>(query: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timeout = setTimeout(
      () => reject(new Error(`no answer for ${answerTimeoutMs / 1000} s`)),
      answerTimeoutMs,
    ).unref();
    query.then(resolve, reject).finally(() => clearTimeout(timeout));
  });
}
