import { TaskError } from '../errors/errors.js';
import type { RecordedEvent, RecordedOutcome } from '../recording/types.js';
import type { Outcome } from '../task/types.js';
import { pathsAbove } from '../util/paths-above.js';
import { printable } from '../util/printable.js';
import { ScenarioError } from './scenario-error.js';
import type { ScenarioResult } from './scenario-types.js';

/** Events that may follow each event of a run. */
const successors: Readonly<Partial<Record<string, readonly string[]>>> = {
  start: ['initializing', 'ready', 'finalizing', 'done', 'cancelling'],
  initializing: ['ready', 'failed', 'cancelling', 'finalizing', 'done', 'restarting'],
  ready: ['failed', 'cancelling', 'finalizing', 'done', 'restarting'],
  cancelling: ['cancelling', 'failed', 'finalizing', 'done', 'restarting'],
  failed: ['finalizing', 'done', 'restarting'],
  finalizing: ['done', 'restarting'],
  // A restart that an outer supervisor is asked for ends the delay of an inner one.
  restarting: ['initializing', 'ready', 'cancelling', 'done', 'restarting'],
  done: [],
};

interface Run {
  readonly task: string;
  /** The type of its last event. */
  last: string;
}

/** Events after which a run emits no value. */
const endsOfExecute = ['failed', 'finalizing', 'done'];

/**
 * Checks what must hold for every application in every order of its events. A task initializes, becomes ready and
 * finalizes at most once between two restarts, ends once, and does nothing after its end. A group is ready again only
 * after one of its members. The report agrees with the outcomes.
 *
 * @throws ScenarioError for the first violation.
 */
export function checkInvariants({ recording, report }: ScenarioResult): void {
  const runs = new Map<string, Run>();
  /** The runs that began last, by their tasks. */
  const latest = new Map<string, Run>();
  /** The groups that may be ready again, because a member has become ready, or has ended without. */
  const mayBeReady = new Set<string>();
  let now = -Infinity;
  for (const event of recording.events) {
    const { type, at, task, runId } = event;
    if (at < now) fail(event, `comes after an event at ${now} ms`);
    now = at;
    if (task === undefined || !(type in successors || type === 'value')) continue;
    if (type === 'value') {
      // The runs of one path may overlap, and a value does not show which of them has emitted it.
      const ofTask = [...runs.values()].filter((run) => run.task === task);
      if (ofTask.length > 0 && ofTask.every(({ last }) => endsOfExecute.includes(last)))
        fail(event, 'comes after the end of execute');
      continue;
    }
    // Runs of an outer supervisor have other numbers than those of the task.
    const isOfSupervisor = type === 'restarting' || type === 'done';
    const id = `${task} ${runId}`;
    const current = isOfSupervisor ? latest.get(task) : undefined;
    // A task that cannot start has an end alone.
    const run = runs.get(id) ?? (current?.last === 'done' ? undefined : current) ?? { task, last: 'start' };
    if (run.last === 'start') {
      runs.set(id, run);
      const before = latest.get(task);
      if (before?.last === 'restarting') before.last = 'done';
      latest.set(task, run);
    }
    const isReadyAgain = type === 'ready' && run.last === 'ready' && mayBeReady.has(task);
    if (!isReadyAgain && !successors[run.last]?.includes(type)) fail(event, `comes after ${run.last}`);
    run.last = type;
    mayBeReady.delete(task);
    if (type === 'ready' || type === 'done') for (const path of pathsAbove(task)) mayBeReady.add(path);
  }
  if (!report) return;
  const timedOut = timedOutTasks([...report.outcomes, ...recording.events.flatMap((event) => event.outcome ?? [])]);
  for (const { task, last } of runs.values())
    if (last !== 'done' && !timedOut.some((path) => task === path || task.startsWith(`${path}/`)))
      throw new ScenarioError(`${printable(task)} has no end, and has not timed out`);
  const { outcomes, failures, cause, clean } = report;
  const mayBeClean =
    failures.length === 0 &&
    outcomes.every(({ status, optional }) => status !== 'timed-out' && (status !== 'failed' || optional === true));
  // The failure of a critical task is the cause, even if its group does not fail.
  const mayBeUnclean = !mayBeClean || cause instanceof TaskError;
  if (!(clean ? mayBeClean : mayBeUnclean))
    throw new ScenarioError(`The report is marked ${clean ? 'clean' : 'not clean'}, but its outcomes differ`);
}

/** Returns the tasks of these outcomes, and of their members, that have timed out. A supervisor abandons some, too. */
function timedOutTasks(outcomes: (Outcome | RecordedOutcome)[]): string[] {
  const timedOut: string[] = [];
  // It comes to each outcome that it adds.
  for (const { task, status, members = [] } of outcomes) {
    if (status === 'timed-out') timedOut.push(task);
    for (const member of members) outcomes.push(member);
  }
  return timedOut;
}

function fail({ type, task, at }: RecordedEvent, violation: string): never {
  throw new ScenarioError(`At ${at} (ms) the ${type} of ${printable(String(task))} ${violation}`);
}
