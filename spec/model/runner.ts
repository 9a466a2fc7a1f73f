import type { Context } from './context.js';
import { shown } from './log.js';
import { Run } from './run.js';
import type { Stage } from './stage.js';
import type { Above, Outcome, Status, Work } from './words.js';

/** What is there before and after its runs, of which it has one at a time. */
export class Runner {
  readonly stage: Stage;
  readonly work: Work;
  status: Status = 'idle';
  ready = false;
  outcome: Outcome | undefined = undefined;
  run: Run | undefined = undefined;
  runs = 0;
  observed = true;
  /** Whoever is told of events in place of all others. */
  hears: ((what: string, error?: unknown) => void) | undefined = undefined;
  results: ((value: string) => void) | undefined = undefined;
  private waiting: { ready: ((is: boolean) => void)[]; done: ((outcome: Outcome) => void)[] } = { ready: [], done: [] };

  constructor(stage: Stage, work: Work) {
    this.stage = stage;
    this.work = work;
  }

  start(parent: Context, above: Above, cancelAll?: (cause: unknown) => void): Run | undefined {
    // «One run at a time»
    if (this.run) {
      above.refused('AlreadyRunningError');
      return undefined;
    }
    this.outcome = undefined;
    this.ready = false;
    this.runs++;
    this.run = new Run(this, parent, above, cancelAll);
    const { run } = this;
    run.start();
    return run;
  }

  /** «both speak of the run under way, else of the last one, else of the next» */
  whenReady(tell: (is: boolean) => void): void {
    if (this.ready || this.outcome) tell(this.ready);
    else this.waiting.ready.push(tell);
  }

  /** Gives what ends the waiting. */
  whenDone(tell: (outcome: Outcome) => void): () => void {
    if (this.outcome) tell(this.outcome);
    else this.waiting.done.push(tell);
    return () => (this.waiting.done = this.waiting.done.filter((other) => other !== tell));
  }

  becomeReady(): void {
    this.ready = true;
    for (const tell of this.waiting.ready.splice(0)) tell(true);
  }

  giveUp(): Outcome {
    this.run?.giveUp();
    // One that has ended is not going, though whoever gives it up was told of that first.
    return this.run?.timedOut() ?? this.outcome ?? { task: this.work.name, status: 'timed-out' };
  }

  end(run: Run, outcome: Outcome): void {
    const { ready, done } = this.waiting;
    this.waiting = { ready: [], done: [] };
    this.outcome = outcome;
    this.ready = run.wasReady;
    this.status = 'done';
    this.run = undefined;
    if (!run.above.hidesEnd) run.event(`done ${outcome.status}`);
    // «A failure that comes then, and that nobody waits for, is written with `console.error`.»
    if (!this.observed && outcome.error && done.length === 0 && run.above.left)
      run.tell('console', shown(outcome.error));
    for (const tell of ready) tell(false);
    for (const tell of done) tell(outcome);
  }
}
