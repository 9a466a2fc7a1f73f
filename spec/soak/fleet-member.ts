import { setTimeout as delay } from 'node:timers/promises';
import { compileProgram } from '../helpers/compile-program.js';
import { FaultProxy, type NetworkFault } from '../helpers/fault-proxy.js';
import { lines } from '../helpers/fleet-programs.js';
import { Journal } from '../helpers/history/journal.js';
import { Program } from '../helpers/program.js';

export interface MemberOptions {
  readonly url: string;
  readonly schema: string;
  /** The file of the history. */
  readonly file: string;
  readonly roles: readonly string[];
  /** The seed of the first process. Each later one has another. */
  readonly seed: number;
}

/** The distance of the seeds of a member's processes. */
const seedsPerMember = 1000;

/** One process of a fleet at a time, behind a proxy of its own. */
export class FleetMember {
  /** Whether a fault of this member lasts. */
  busy = false;
  private readonly base: string;
  private readonly proxy: FaultProxy;
  private readonly options: MemberOptions;
  private program: Program;
  private generation = 1;

  private constructor(base: string, proxy: FaultProxy, options: MemberOptions) {
    this.base = base;
    this.proxy = proxy;
    this.options = options;
    this.program = this.spawn();
  }

  static async start(base: string, options: MemberOptions): Promise<FleetMember> {
    const member = new FleetMember(base, await FaultProxy.start(options.url), options);
    await member.program.waitFor('up');
    return member;
  }

  /** The name of the current process. */
  get name(): string {
    return `${this.base}.${this.generation}`;
  }

  /** Kills the process, and starts another. */
  async kill(): Promise<void> {
    this.program.kill('SIGKILL');
    await this.program.ended;
    new Journal(this.options.file, this.name).write({ type: 'killed' });
    await this.replace();
  }

  /** Stops the process in an orderly way, and starts another. Returns the exit code. */
  async close(): Promise<number | null> {
    this.send('close');
    const { code } = await this.program.ended;
    // Its submitted jobs have results that nobody receives.
    new Journal(this.options.file, this.name).write({ type: 'killed' });
    return code;
  }

  async replace(): Promise<void> {
    this.generation++;
    this.program = this.spawn();
    await this.program.waitFor('up');
  }

  /** Stops the process for a time, as a paused machine does. */
  async freeze(ms: number): Promise<void> {
    this.program.kill('SIGSTOP');
    await delay(ms);
    this.program.kill('SIGCONT');
  }

  async disturb(fault: NetworkFault, ms: number): Promise<void> {
    this.proxy.begin(fault);
    await delay(ms);
    this.proxy.begin('none');
  }

  cut(): void {
    this.proxy.cut();
  }

  /** Lets the process submit no more, and waits until it has all results. */
  async settle(): Promise<void> {
    this.send('settle');
    await this.program.waitFor('settled');
  }

  /** Returns the size of the heap after a garbage collection, in bytes. */
  async measureHeap(): Promise<number> {
    const count = lines(this.program, 'heap').length;
    this.send('measure');
    while (lines(this.program, 'heap').length === count) await delay(20);
    return Number(lines(this.program, 'heap').at(-1));
  }

  async remove(): Promise<void> {
    this.program.kill('SIGKILL');
    await this.program.ended;
    await this.proxy.close();
  }

  private send(command: string): void {
    this.program.child.stdin?.write(`${command}\n`);
  }

  private spawn(): Program {
    const { options, proxy, name, generation } = this;
    const input = { ...options, url: proxy.url, name, seed: options.seed + seedsPerMember * generation };
    const path = compileProgram('spec/fixtures/fleet/witness.ts');
    return new Program(process.execPath, ['--expose-gc', path, JSON.stringify(input)]);
  }
}
