import { isDeepStrictEqual } from 'node:util';
import { skipWhile, Subject } from 'rxjs';
import { createApplication } from '../app/launch.js';
import { CancelledError, SignalError } from '../errors/errors.js';
import { exitCodeOf } from '../app/process-exit.js';
import { validateArray, invalid } from '../util/validate.js';
import type { AppEvent } from '../app/types.js';
import type { TaskRunner } from '../task/types.js';
import type { ShutdownReport } from '../app/report.js';
import { isCtrlC, isDuplicateSignal } from '../app/run-main.js';
import { toRunner } from '../task/runner.js';
import { inspectRunner } from '../task/runner-access.js';
import { signalNumber, stopSignals } from '../app/signal-listener.js';
import { fakeSignals } from './fake-signals.js';
import { recorded, type RecordedEvent } from '../recording/recorded.js';
import { inherited, type ScenarioResult, type Scenario, type ScenarioContext } from './scene.js';
import { Tape } from '../recording/tape.js';
import { application, readiness, signals as signalsRow, toMarbles } from './to-marbles.js';
import type { VirtualClock } from './virtual-clock.js';

/** A scenario whose end is not seen by then is held to have none; one with a `for` may take as many at each instant. */
const mostSteps = 100_000;

/** How long what is still going when nobody looks any more may take to end, in ms of virtual time. */
const lastWait = 3_600_000;
/** As it was before anybody replaced it. */
const { setImmediate: turn } = globalThis;

/** Rows that are no task's. */
const reserved = [signalsRow, readiness, application];

/** How a scenario went, and what has been thrown meanwhile. */
export interface Staged {
  readonly played: ScenarioResult;
  /** Whose rows there may be. */
  readonly rows: readonly string[];
  readonly failure?: { readonly error: unknown };
}

/** One time that a scenario is run. */
export class Stage {
  private readonly scene: Scenario;
  private readonly world: ScenarioContext;
  private readonly tape: Tape;
  private readonly events: AppEvent[] = [];
  /** What is thrown where nobody catches it, which is a failure of the process. */
  private readonly hostFailures$ = new Subject<unknown>();
  private watching = true;
  private asked: { readonly signal: NodeJS.Signals; readonly frame: number } | undefined = undefined;
  private crashed = false;
  private exited = false;
  private report: ShutdownReport | undefined = undefined;
  private exitCode: number | undefined = undefined;

  constructor(scene: Scenario, clock: VirtualClock) {
    this.scene = scene;
    this.world = { clock, signals: fakeSignals() };
    this.tape = new Tape(clock.now(), Infinity);
  }

  async play(sent: readonly { at: number; signal: NodeJS.Signals }[]): Promise<Staged> {
    const { scene, world, hostFailures$ } = this;
    const options = Object.fromEntries(Object.entries(scene).filter(([name]) => inherited.includes(name)));
    const runnables = scene.run(world);
    validateArray('runnables', runnables);
    const runners = runnables.map((one) => toRunner(one));
    const prepared = createApplication(
      runners,
      { ...options, scheduler: world.clock, observer: (event) => this.tell(event) },
      { hostFailures$, shouldDrain: (cause) => !isCtrlC(cause) },
    );
    const rows = [...this.watchValues(runners)];
    for (const { at, signal } of sent) world.clock.schedule(() => this.receive(signal, prepared.stop), at);
    const app = prepared.start((report) => {
      if (!this.watching) return;
      this.report = report;
      this.exitCode = exitCodeOf(report, scene.exitCode ?? 'zero');
    });
    app.ready$.pipe(skipWhile((ready) => !ready)).subscribe((ready) => this.note({ type: 'readiness', ready }));

    let failure: Staged['failure'];
    const going = new Set<string>();
    const follow = (name: string, part: Promise<unknown>) => {
      going.add(name);
      const end = () => going.delete(name);
      part.then(end, (error: unknown) => {
        failure ??= { error };
        end();
      });
    };
    follow('app', app);
    follow('during', new Promise((resolve) => resolve(scene.during?.({ ...world, app }))));
    await this.pass(() => going.size === 0 || failure !== undefined || this.exited, scene.duration);
    this.watching = false;
    if (going.has('during') && !failure && !this.exited)
      failure = {
        error: new Error(
          `\`during\` still waits${scene.duration === undefined ? ', and nothing more is due' : ` after the ${scene.duration} ms of \`for\``}`,
        ),
      };
    if (going.has('app')) {
      // Whatever it has begun is to end, though nobody looks at that.
      prepared.stop(new CancelledError('The scenario is over'));
      await this.pass(() => !going.has('app'), world.clock.frame + lastWait);
    }
    return { played: this.played(), rows, ...(failure && { failure }) };
  }

  /** Time passes, and promises settle between any two things that happen, as in Node. */
  private async pass(over: () => boolean, until = Infinity): Promise<void> {
    const { clock } = this.world;
    let instant = clock.frame;
    for (let steps = 0; ; steps++) {
      await new Promise(turn);
      if (over()) return;
      if (until < Infinity && clock.frame > instant) [instant, steps] = [clock.frame, 0];
      if (steps === mostSteps)
        throw new RangeError(
          `Expected the scenario to end; it goes on after ${mostSteps} steps, at ${clock.frame} ms. ${until < Infinity ? 'No time passes in it' : 'Send it a signal, or say how long it is to be watched with `for`'}`,
        );
      try {
        if (!clock.step(until)) break;
      } catch (error) {
        this.crash(error);
      }
    }
    if (until < Infinity) clock.advanceSilently(Math.max(0, until - clock.frame));
  }

  private receive(signal: NodeJS.Signals, stop: (cause: unknown) => void): void {
    const { signals, clock } = this.world;
    // Who has ended gets none.
    if (!this.watching || this.report) return;
    this.note({ type: 'signal', signal });
    const code = 128 + signalNumber(signal);
    if (stopSignals.includes(signal)) {
      const { asked } = this;
      if (asked && !isDuplicateSignal(signal, asked.signal, clock.frame - asked.frame)) return this.exit(code);
      this.asked ??= { signal, frame: clock.frame };
      stop(new SignalError(signal));
      // Of a signal that nobody listens for a process dies.
    } else if (signals.listeners(signal) === 0) return this.exit(code);
    signals.send(signal);
  }

  /** Something was thrown, and nobody has caught it. */
  private crash(error: unknown): void {
    if (this.crashed) return this.exit(1);
    this.crashed = true;
    this.hostFailures$.next(error);
  }

  private exit(code: number): void {
    if (!this.watching) return;
    this.exited = true;
    this.watching = false;
    this.exitCode = code;
  }

  private tell(event: AppEvent): void {
    if (!this.watching) return;
    this.events.push(event);
    this.note(recorded(event, this.world.clock.now()));
  }

  /** At the time that has passed, whatever the clock has been set to. */
  private note(event: Omit<RecordedEvent, 'at'>): void {
    if (this.watching) this.tape.add({ ...event, at: this.tape.from + this.world.clock.frame });
  }

  /** What tasks yield is in no event. Gives the names of all rows. */
  private watchValues(runners: readonly TaskRunner[]): ReadonlySet<string> {
    const { scene } = this;
    const letters = Object.entries(scene.values ?? {});
    const named = new Set(reserved);
    for (const { path, runner, yields } of runners.flatMap((one) => partsOf(one))) {
      if (named.has(path))
        throw new TypeError(
          invalid(
            'run',
            `tasks of different names, none of them a row's of the scenario's own: ${reserved.join(', ')}`,
            path,
          ),
        );
      named.add(path);
      if (!yields) continue;
      runner.results$.subscribe((value) => {
        const known = letters.find(([, one]) => isDeepStrictEqual(one, value))?.[0];
        const itself = (typeof value === 'string' || typeof value === 'number') && /^\w$/.test(String(value));
        const mark = known ?? (itself ? String(value) : '_');
        this.note({ type: 'value', task: path, mark });
      });
    }
    return named;
  }

  private played(): ScenarioResult {
    const { report, exitCode, events } = this;
    const recording = this.tape.toJSON();
    return { report, exitCode, events, recording, marbles: toMarbles(recording) };
  }
}

/** What has a row of its own. */
interface Part {
  readonly path: string;
  readonly runner: TaskRunner;
  /** Whether it has values of its own; a group has those of its members. */
  readonly yields: boolean;
}

function partsOf(runner: TaskRunner, path: string = runner.toString()): Part[] {
  const { members, transparent } = inspectRunner(runner);
  if (!members) return [{ path, runner, yields: true }];
  if (!transparent)
    return [
      { path, runner, yields: false },
      ...members.flatMap((member) => partsOf(member, `${path}/${member.toString()}`)),
    ];
  // The one it is seen as may be a group.
  const [whole, ...inner] = members.flatMap((member) => partsOf(member, path));
  return whole ? [whole.yields ? { ...whole, runner } : whole, ...inner] : [];
}
