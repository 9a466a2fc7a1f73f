import fc from 'fast-check';
import { inspect } from 'node:util';

/**
 * The seed makes each run the same. A failure reports its seed and path. Set both as MODEL_SEED and MODEL_PATH to run
 * the failing program alone. MODEL_RUNS multiplies the number of programs.
 */
const { MODEL_SEED = '20261124', MODEL_PATH, MODEL_RUNS = '1' } = process.env;

/** An object that executes commands: the library, or its model. A command that is not possible does nothing. */
export interface Comparable {
  /** Returns everything observable, and the lines recorded since the last call. */
  state(): object;
  /** Settles all promises. */
  settle?(): void | Promise<void>;
  /** Receives an error that was written to the console. */
  onConsoleError?(error: unknown): void;
}

/** The name of a command and its arguments. */
export type Command<C> = {
  [Name in keyof C]: C[Name] extends (...args: infer Args) => void ? readonly [Name, ...Args] : never;
}[keyof C];

export function execute<C>(target: C, [name, ...args]: Command<C>): void {
  (target[name] as (...args: unknown[]) => void).apply(target, args);
}

interface RunCommandsOptions<Setup, C, Model extends C & Comparable> {
  readonly runs: number;
  readonly setups: fc.Arbitrary<Setup>;
  readonly programs: fc.Arbitrary<Command<C>[]>;
  readonly model: (setup: Setup) => Model;
  readonly real: (setup: Setup) => C & Comparable;
  /** Returns the next command that helps to end everything, or `undefined` when all has ended. */
  readonly nextToEnd: (model: Model) => Command<C> | undefined;
}

/** The number of commands after which an application must have ended. */
const maxCommandsToEnd = 100;

/** Runs random programs on the model and on the library, and compares their states after each command. */
export async function runCommands<Setup, C, Model extends C & Comparable>({
  runs,
  setups,
  programs,
  model: createModel,
  real: createReal,
  nextToEnd,
}: RunCommandsOptions<Setup, C, Model>): Promise<void> {
  const { stackTraceLimit } = Error;
  // Mocha sets no limit, but the library writes an error with a very long stack as text.
  Error.stackTraceLimit = 10;
  const consoleError = console.error;
  const check = fc.assert(
    fc.asyncProperty(setups, programs, async (setup, program) => {
      const [model, real] = [createModel(setup), createReal(setup)];
      // Errors on the console are a part of the observable state.
      console.error = (error) => real.onConsoleError?.(error);
      const log: string[] = [inspect(setup, { depth: 9, breakLength: 120 })];
      const run = async (command: Command<C>) => {
        log.push(formatCommand(command));
        execute(model, command);
        execute(real, command);
        if (model.settle) await model.settle();
        if (real.settle) await real.settle();
        const [expected, actual] = [toLines(model.state()), toLines(real.state())];
        if (expected === actual) return;
        throw new Error(`${log.join('\n')}\n${difference(expected, actual)}`);
      };
      for (const command of program) await run(command);
      let count = 0;
      for (let command = nextToEnd(model); command; command = nextToEnd(model)) {
        if (count++ === maxCommandsToEnd) throw new Error(`${log.join('\n')}\nit does not end`);
        await run(command);
      }
    }),
    {
      numRuns: Math.ceil(runs * Number(MODEL_RUNS)),
      seed: Number(MODEL_SEED),
      ...(MODEL_PATH !== undefined && { path: MODEL_PATH }),
    },
  );
  await check.finally(() => {
    console.error = consoleError;
    Error.stackTraceLimit = stackTraceLimit;
  });
}

function formatCommand(command: readonly unknown[]): string {
  return command.map((part) => (Array.isArray(part) ? `{ ${formatCommand(part)} }` : String(part))).join(' ');
}

function toLines(state: object): string {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(state).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      for (const [part, inner] of Object.entries(value as object))
        lines.push(`${name} ${part}: ${JSON.stringify(inner)}`);
    else lines.push(`${name}: ${JSON.stringify(value)}`);
  }
  return lines.sort().join('\n');
}

function difference(expected: string, actual: string): string {
  const [modelLines, realLines] = [expected.split('\n'), actual.split('\n')];
  return [
    ...modelLines.filter((line) => !realLines.includes(line)).map((line) => `  the model  ${line}`),
    ...realLines.filter((line) => !modelLines.includes(line)).map((line) => `  the library ${line}`),
  ].join('\n');
}
