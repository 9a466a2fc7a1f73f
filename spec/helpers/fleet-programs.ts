import { compileProgram } from './compile-program.js';
import { Program } from './program.js';

/** Child processes that run programs of spec/fixtures/fleet. */
export class FleetPrograms {
  private readonly running: Program[] = [];

  /** Starts a program with one argument, which is passed as JSON. */
  start(name: string, input: object): Program {
    const path = compileProgram(`spec/fixtures/fleet/${name}.ts`);
    const program = new Program(process.execPath, [path, JSON.stringify(input)]);
    this.running.push(program);
    return program;
  }

  /** Kills all programs that still run, those stopped by a SIGSTOP included, and waits for their exits. */
  async killAll(): Promise<void> {
    for (const program of this.running) program.kill('SIGKILL');
    await Promise.all(this.running.splice(0).map(({ ended }) => ended));
  }
}

/** Returns the lines of a program's output that begin with a word, without that word. */
export function lines({ stdout }: Program, word: string): string[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith(`${word} `))
    .map((line) => line.slice(word.length + 1));
}
