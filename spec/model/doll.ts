import { hooks } from './hooks.js';
import { shown } from './log.js';
import type { Run } from './run.js';
import type { Asked, Hand, Script } from './script.js';
import type { Stage } from './stage.js';
import type { Flow, Phase, Work } from './words.js';

/** A task whose hooks do what they are told, as a model. */
export class Doll {
  readonly name: string;
  readonly stage: Stage;
  readonly work: Work;
  /** The hooks under way, and those that were cut but may yet settle. */
  readonly hands: Set<Hand> = new Set<Hand>();
  /** Slots that a coordinator was asked for, when it is a cron's. */
  readonly leases: Set<Asked> = new Set<Asked>();
  private readonly script: Script;
  private readonly calls = { initialize: 0, execute: 0, finalize: 0 };
  private count = 0;
  /** The last run that has called a hook. */
  run: Run | undefined = undefined;
  cancel: ((cause: unknown) => void) | undefined = undefined;

  constructor(stage: Stage, name: string, script: Script) {
    this.stage = stage;
    this.name = name;
    this.script = script;
    const { initialize, finalize, grace } = script;
    this.work = {
      name,
      ...(grace !== null && { grace }),
      initialize: initialize && ((run) => this.call(run, 'initialize')),
      execute: (run) => this.call(run, 'execute'),
      finalize: finalize && ((run) => this.call(run, 'finalize')),
    } as Work;
  }

  next(): string {
    return `${this.name}${++this.count}`;
  }

  tell(what: string): void {
    this.stage.log.tell('work', `${this.name} ${what}`);
  }

  private call(run: Run, phase: Phase): Flow {
    const kinds = this.script[phase] ?? [];
    const kind = kinds[this.calls[phase]++ % kinds.length] ?? 'value';
    if (phase !== 'finalize' && this.run !== run) {
      this.run = run;
      run.ctx.onCancel((cause) => this.tell(`is told of ${shown(cause)}`));
    }
    if (phase === 'execute') this.cancel = run.cancel;
    this.tell(phase);
    return new hooks[kind](this, run, phase, kind);
  }
}
