import fc from 'fast-check';
import { inspect } from 'node:util';

/**
 * The seed makes each run the same. A failure tells it, with a path: both as MODEL_SEED and MODEL_PATH play the failing program
 * alone. MODEL_RUNS multiplies how many programs there are.
 */
const { MODEL_SEED = '20261124', MODEL_PATH, MODEL_RUNS = '1' } = process.env;

/** For how many ms the programs of a spec may go on. */
export const patience: number = Math.max(1, Number(MODEL_RUNS)) * 120_000;

/** Something that acts can be done to: the library, or a model of it. An act that is not possible does nothing. */
export interface World {
  /** All that can be seen of it, and what it has told since the last look. */
  seen(): object;
  /** What was promised is dealt with. */
  settle?(): void | Promise<void>;
  /** An error was written to the console. */
  written?(error: unknown): void;
}

/** An act by its name, and with what. */
export type Act<A> = {
  [Name in keyof A]: A[Name] extends (...args: infer With) => void ? readonly [Name, ...With] : never;
}[keyof A];

export function perform<A>(world: A, [name, ...args]: Act<A>): void {
  (world[name] as (...args: unknown[]) => void).apply(world, args);
}

interface Game<Setup, A, Model extends A & World> {
  readonly runs: number;
  readonly setups: fc.Arbitrary<Setup>;
  readonly programs: fc.Arbitrary<Act<A>[]>;
  readonly model: (setup: Setup) => Model;
  readonly real: (setup: Setup) => A & World;
  /** What is left to be done in the model's state, so that all comes to its end. */
  readonly toTheEnd: (model: Model) => Act<A> | undefined;
}

/** Plays random programs on a model and on the library, and compares what is seen after each act. */
export async function play<Setup, A, Model extends A & World>({
  runs,
  setups,
  programs,
  model,
  real,
  toTheEnd,
}: Game<Setup, A, Model>): Promise<void> {
  const { error } = console;
  const played = fc.assert(
    fc.asyncProperty(setups, programs, async (setup, program) => {
      const [wanted, got] = [model(setup), real(setup)];
      // What is written to it is a part of what is told.
      console.error = (error) => got.written?.(error);
      const story: string[] = [inspect(setup, { depth: 9, breakLength: 120 })];
      const act = async (one: Act<A>) => {
        story.push(shownAct(one));
        perform(wanted, one);
        perform(got, one);
        if (wanted.settle) await wanted.settle();
        if (got.settle) await got.settle();
        const [expected, actual] = [inLines(wanted.seen()), inLines(got.seen())];
        if (expected === actual) return;
        throw new Error(`${story.join('\n')}\n${difference(expected, actual)}`);
      };
      for (const one of program) await act(one);
      let left = 100;
      for (let one = toTheEnd(wanted); one; one = toTheEnd(wanted)) {
        if (left-- === 0) throw new Error(`${story.join('\n')}\nit has no end`);
        await act(one);
      }
    }),
    {
      numRuns: Math.ceil(runs * Number(MODEL_RUNS)),
      seed: Number(MODEL_SEED),
      ...(MODEL_PATH !== undefined && { path: MODEL_PATH }),
    },
  );
  await played.finally(() => (console.error = error));
}

function shownAct(act: readonly unknown[]): string {
  return act.map((part) => (Array.isArray(part) ? `{ ${shownAct(part)} }` : String(part))).join(' ');
}

function inLines(seen: object): string {
  const lines: string[] = [];
  for (const [what, value] of Object.entries(seen).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      for (const [part, inside] of Object.entries(value as object))
        lines.push(`${what} ${part}: ${JSON.stringify(inside)}`);
    else lines.push(`${what}: ${JSON.stringify(value)}`);
  }
  return lines.sort().join('\n');
}

function difference(expected: string, actual: string): string {
  const [wanted, got] = [expected.split('\n'), actual.split('\n')];
  return [
    ...wanted.filter((line) => !got.includes(line)).map((line) => `  the model  ${line}`),
    ...got.filter((line) => !wanted.includes(line)).map((line) => `  the library ${line}`),
  ].join('\n');
}
