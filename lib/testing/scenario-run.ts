import { skipWhile, Subject } from 'rxjs';
import { createApplication } from '../app/launch.js';
import { exitCodeOf } from '../app/exit-after-report.js';
import type { ShutdownReport } from '../app/report.js';
import { defaultStopSignals, isCtrlC, isEcho, signalNumber } from '../app/signals.js';
import type { AppEvent } from '../app/types.js';
import { CancelledError, SignalError } from '../errors/errors.js';
import { EventBuffer } from '../recording/event-buffer.js';
import { toRecorded } from '../recording/to-recorded.js';
import type { RecordedEvent } from '../recording/types.js';
import { toRunners } from '../app/orchestrate.js';
import { validateArray } from '../util/validate.js';
import { stuckError, waitingError } from './explain-wait.js';
import { fakeSignals } from './fake-signals.js';
import { warnOfLength } from './long-scenario.js';
import { runUntil } from './run-until.js';
import { orchestrateOptions, type Scenario, type ScenarioContext, type ScenarioResult } from './scenario-types.js';
import { ScenarioRows } from './scenario-rows.js';
import { markOf } from './task-rows.js';
import { toMarbles } from './to-marbles.js';
import { WaitingHooks, type TaskHook } from './waiting-hooks.js';
import type { VirtualClock } from './virtual-clock.js';

/** The time that tasks that still run after a scenario may take to end, in ms of virtual time. */
const cleanUpMs = 3_600_000;

/** A signal of a scenario and its time, in ms from the start. */
export interface ScheduledSignal {
  readonly at: number;
  readonly signal: NodeJS.Signals;
}

/** Result of a run, before it is compared with what is expected. */
export interface ScenarioRunResult {
  readonly result: ScenarioResult;
  readonly rows: ScenarioRows;
  /** Hooks that were still waiting at the end. */
  readonly waiting: readonly TaskHook[];
  /** Error that `during` or the application has thrown. */
  readonly failure?: { readonly error: unknown };
}

/** One run of a scenario. */
export class ScenarioRun {
  private readonly scenario: Scenario;
  private readonly context: ScenarioContext;
  private readonly buffer: EventBuffer;
  private readonly hooks: WaitingHooks;
  private readonly events: AppEvent[] = [];
  /** Errors that nothing caught, which are failures of the process. */
  private readonly hostFailures$ = new Subject<unknown>();
  /** Whether events are still recorded. After the end of the scenario, the application is only stopped. */
  private observing = true;
  private stopRequest: { readonly signal: NodeJS.Signals; readonly frame: number } | undefined = undefined;
  private exited = false;
  private report: ShutdownReport | undefined = undefined;
  private exitCode: number | undefined = undefined;

  constructor(scenario: Scenario, clock: VirtualClock) {
    this.scenario = scenario;
    this.context = { clock, signals: fakeSignals() };
    this.buffer = new EventBuffer(clock.now(), Infinity);
    this.hooks = new WaitingHooks(clock);
  }

  async run(scheduledSignals: readonly ScheduledSignal[]): Promise<ScenarioRunResult> {
    const { scenario, context, hostFailures$, hooks } = this;
    const { clock } = context;
    const { instrumentation = [] } = scenario;
    const duration = scenario.duration === Infinity ? undefined : scenario.duration;
    const options = Object.fromEntries(Object.entries(scenario).filter(([name]) => orchestrateOptions.includes(name)));
    const runners = toRunners(scenario.run(context));
    validateArray('instrumentation', instrumentation);
    const application = createApplication(
      runners,
      {
        ...options,
        scheduler: clock,
        instrumentation: [...instrumentation, hooks.instrumentation],
        observer: (event) => this.onEvent(event, rows),
      },
      {
        hostFailures$,
        shouldDrain: (cause) => !isCtrlC(cause),
        onStopRequest: (cause) => {
          if (cause instanceof SignalError) this.stopRequest ??= { signal: cause.signal, frame: clock.frame };
        },
      },
    );
    const { values = {} } = scenario;
    const onValue = (task: string, value: unknown) => this.record({ type: 'value', task, mark: markOf(value, values) });
    const rows = new ScenarioRows(runners, onValue);
    for (const { at, signal } of scheduledSignals) clock.schedule(() => this.onSignal(signal, application.stop), at);
    const app = application.start((report) => {
      if (!this.observing) return;
      this.report = report;
      this.exitCode = exitCodeOf(report, scenario.exitCode ?? 'zero');
    });
    app.ready$.pipe(skipWhile((ready) => !ready)).subscribe((ready) => this.record({ type: 'readiness', ready }));

    let failure: ScenarioRunResult['failure'];
    const onError = (error: unknown) => void (failure ??= { error });
    const pending = new Set<'app' | 'during'>();
    const track = (name: 'app' | 'during', promise: Promise<unknown>) => {
      pending.add(name);
      const onEnd = () => pending.delete(name);
      promise.then(onEnd, (error: unknown) => {
        onError(error);
        onEnd();
      });
    };
    const waiting = () => hooks.list(runners);
    const advanceUntil = (isDone: () => boolean, until?: number) =>
      runUntil(isDone, clock, {
        until,
        mayEnd: () => pending.has('during') || scheduledSignals.some(({ at }) => at > clock.frame),
        waiting,
        // Without an application, it ends the process.
        onUncaught: (error) => (hostFailures$.observed ? hostFailures$.next(error) : onError(error)),
        onManySteps: (steps) => this.observing && warnOfLength(scenario, steps, clock.frame),
      });
    track('app', app);
    track('during', new Promise((resolve) => resolve(scenario.during?.({ ...context, app }))));
    await advanceUntil(() => pending.size === 0 || failure !== undefined || this.exited, duration).catch(onError);
    // RxJS throws what nothing catches in a timer.
    if (pending.size === 0) clock.fireDue(onError);
    this.observing = false;
    const resources = hooks.newResources();
    const waitingAtEnd = waiting();
    const waits = (name: 'app' | 'during') => pending.has(name) && !failure && !this.exited;
    const [appWaits, duringWaits] = [waits('app') && duration === undefined, waits('during')];
    application.stop(new CancelledError('The scenario has ended'));
    await advanceUntil(() => !pending.has('app'), clock.frame + cleanUpMs).catch(onError);
    const result = this.result();
    // A task that only waits for its cancel, in `execute`, is meant to last.
    const stuck = waitingAtEnd.filter(
      (each) => each.hook !== 'execute' || resources.length > 0 || hooks.isPending(each),
    );
    if (duringWaits) failure = { error: waitingError(duration, stuck) };
    else if (appWaits && stuck.length > 0) failure ??= { error: stuckError(stuck, resources, result.marbles) };
    return { result, rows, waiting: waitingAtEnd, ...(failure && { failure }) };
  }

  private onSignal(signal: NodeJS.Signals, stop: (cause: unknown) => void): void {
    const { signals, clock } = this.context;
    // A process that has ended receives no signals.
    if (!this.observing || this.report) return;
    this.record({ type: 'signal', signal });
    const code = 128 + signalNumber(signal);
    if (defaultStopSignals.includes(signal) || this.stopRequest?.signal === signal) {
      // Something other than a signal may have stopped the application before.
      this.stopRequest ??= { signal, frame: clock.frame };
      if (!isEcho(clock.frame - this.stopRequest.frame)) return this.exit(code);
      stop(new SignalError(signal));
    } else if (signals.listeners(signal) === 0) {
      // A signal without a listener ends a process.
      return this.exit(code);
    }
    signals.send(signal);
  }

  private exit(code: number): void {
    this.exited = true;
    this.observing = false;
    this.exitCode = code;
  }

  private onEvent(event: AppEvent, rows: ScenarioRows): void {
    if (!this.observing) return;
    if (event.type === 'ready') rows.addChildren(event.task);
    this.events.push(event);
    this.record(toRecorded(event, this.context.clock.now()));
  }

  /** Records an event at the elapsed virtual time, which `adjust` does not change. */
  private record(event: Omit<RecordedEvent, 'at'>): void {
    if (this.observing) this.buffer.add({ ...event, at: this.buffer.from + this.context.clock.frame });
  }

  private result(): ScenarioResult {
    const { report, exitCode, events } = this;
    const recording = this.buffer.toJSON();
    return { report, exitCode, events, recording, marbles: toMarbles(recording) };
  }
}
