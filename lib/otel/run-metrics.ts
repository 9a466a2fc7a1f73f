import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import type { AppEvent } from '../app/types.js';
import type { RunEnd, RunContext } from '../context/types.js';
import { errorType } from './error-type.js';
import { attribute, endAttributes, runAttributes, seconds } from './names.js';
import { startedAt, type RunState, type RunStates } from './run-state.js';

/** Bucket boundaries in s, for anything from a slot's run to a server's lifetime. An SDK's defaults suit ms. */
const durationBoundaries = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400,
];
const latenessBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300, 3600];

/** The OpenTelemetry instruments of runs. */
export class RunMetrics {
  private readonly runs: Counter;
  private readonly failures: Counter;
  private readonly restarts: Counter;
  private readonly skips: Counter;
  private readonly missed: Counter;
  private readonly duration: Histogram;
  private readonly lateness: Histogram;
  private readonly states: RunStates;

  constructor(meter: Meter, states: RunStates) {
    this.states = states;
    this.runs = meter.createCounter('rxjs_tasks.runs', {
      unit: '{run}',
      description: 'Runs of tasks and slots that have started',
    });
    this.failures = meter.createCounter('rxjs_tasks.failures', {
      unit: '{run}',
      description: 'Runs that have failed or timed out',
    });
    this.restarts = meter.createCounter('rxjs_tasks.restarts', {
      unit: '{restart}',
      description: 'Restarts of supervised tasks',
    });
    this.skips = meter.createCounter('rxjs_tasks.skips', {
      unit: '{slot}',
      description: 'Slots that a cron has skipped',
    });
    this.missed = meter.createCounter('rxjs_tasks.missed', {
      unit: '{slot}',
      description: 'Slots that passed while the process could not run them',
    });
    this.duration = meter.createHistogram('rxjs_tasks.run.duration', {
      unit: 's',
      description: 'Duration of runs, from the first hook to the end',
      advice: { explicitBucketBoundaries: durationBoundaries },
    });
    this.lateness = meter.createHistogram('rxjs_tasks.slot.lateness', {
      unit: 's',
      description: 'Time between a slot being due and the start of its run',
      advice: { explicitBucketBoundaries: latenessBoundaries },
    });
  }

  /** Called before each hook of a run. */
  onHook(run: RunContext, state: RunState): void {
    if (state.counted) return;
    state.counted = true;
    this.runs.add(1, runAttributes(run));
    // After the clock was set back the run may seem to start before its slot is due.
    if (run.slot !== undefined)
      this.lateness.record(seconds(Math.max(0, startedAt(run) - run.slot)), { [attribute.task]: run.task });
  }

  onEvent(event: AppEvent, run: RunContext | undefined): void {
    if (event.type === 'failed') this.countFailure(run, errorType(event.error));
    else if (event.type === 'restarting') this.restarts.add(1, { [attribute.task]: event.task });
    else if (event.type === 'skipped')
      this.skips.add(1, { [attribute.task]: event.task, [attribute.reason]: event.reason });
    else if (event.type === 'missed') this.missed.add(event.count, { [attribute.task]: event.task });
  }

  /** Called at the end of a run whose hooks were called. */
  onRunEnd(run: RunContext, { status, startedAt: from, at, error }: RunEnd): void {
    const type = error ? errorType(error) : status === 'timed-out' ? status : undefined;
    const attributes = endAttributes(run, status);
    if (type !== undefined) {
      this.countFailure(run, type);
      attributes[attribute.errorType] = type;
    }
    this.duration.record(seconds(Math.max(0, at - from)), attributes);
  }

  /** Counts the failure of a run once, at its moment: its end may be far away. */
  private countFailure(run: RunContext | undefined, type: string): void {
    const state = run && this.states.get(run);
    if (!run || !state?.counted || state.failed) return;
    state.failed = true;
    this.failures.add(1, { ...runAttributes(run), [attribute.errorType]: type });
  }
}
