import type fc from 'fast-check';
import type { Commands, Setup } from './commands.js';
import { ModelApp } from './model-app.js';
import { RealApp } from './real-app.js';
import { runCommands, type Command } from './run-commands.js';

/** Compares the library with its model in random programs on random applications. */
export function compareApps(
  runs: number,
  setups: fc.Arbitrary<Setup>,
  programs: fc.Arbitrary<Command<Commands>[]>,
  real = (setup: Setup): RealApp => new RealApp(setup),
): Promise<void> {
  return runCommands<Setup, Commands, ModelApp>({
    runs,
    setups,
    programs,
    model: (setup) => new ModelApp(setup),
    real,
    nextToEnd: (model) => model.nextToEnd(),
  });
}
