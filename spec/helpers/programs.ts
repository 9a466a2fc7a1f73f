import { fileURLToPath } from 'node:url';
import { Program } from './program.js';

/** Programs of spec/fixtures/fleet, as processes of their own: none outlives its spec. */
export class Programs {
  private readonly running: Program[] = [];

  /** Starts one with one argument, which is given as JSON. */
  start(name: string, input: object): Program {
    const path = fileURLToPath(new URL(`../fixtures/fleet/${name}.ts`, import.meta.url));
    const program = new Program(process.execPath, ['--import', 'tsx', path, JSON.stringify(input)]);
    this.running.push(program);
    return program;
  }

  /** Ends all that still run, stopped ones too, and waits until they are gone. */
  async kill(): Promise<void> {
    for (const program of this.running) program.kill('SIGKILL');
    await Promise.all(this.running.splice(0).map(({ ended }) => ended));
  }
}

/** The rest of each line of a program's output that begins with a word. */
export function lines({ stdout }: Program, word: string): string[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith(`${word} `))
    .map((line) => line.slice(word.length + 1));
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Looks again and again until something holds. */
export async function until(holds: () => boolean | Promise<boolean>, within: number): Promise<void> {
  for (const end = performance.now() + within; !(await holds()); await pause(50))
    if (performance.now() > end) throw new Error(`Not within ${within} ms: ${holds.toString()}`);
}
