import type { RecordedEvent } from '../recording/recorded.js';
import { ScenarioError } from './scenario-error.js';
import type { ScenarioResult } from './scene.js';

/** What may come next in a run, after each. */
const next: Readonly<Partial<Record<string, readonly string[]>>> = {
  start: ['initializing', 'ready', 'finalizing', 'done', 'cancelling'],
  initializing: ['ready', 'cancelling', 'finalizing', 'done', 'restarting'],
  ready: ['cancelling', 'finalizing', 'done', 'restarting'],
  cancelling: ['cancelling', 'finalizing', 'done'],
  finalizing: ['done', 'restarting'],
  restarting: ['initializing', 'ready', 'cancelling', 'done'],
  done: [],
};

/**
 * What holds of every application, whatever the order in which things happen: a task initializes, is ready and finalizes once in
 * a life, has one end, does nothing after it, and the report says of each how it ended.
 *
 * @throws ScenarioError for what does not hold.
 */
export function expectSound({ recording, report }: ScenarioResult): void {
  const runs = new Map<string, { readonly task: string; last: string }>();
  let now = -Infinity;
  for (const event of recording.events) {
    const { type, at, task, runId } = event;
    if (at < now) fail(event, `comes before ${now} ms, which had been told`);
    now = at;
    if (task === undefined || !(type in next || type === 'value')) continue;
    const id = type === 'value' ? lastRunOf(task, runs) : `${task} ${runId}`;
    const run = runs.get(id) ?? { task, last: 'start' };
    runs.set(id, run);
    if (type === 'value') {
      if (run.last === 'finalizing' || run.last === 'done') fail(event, 'comes after the end of execute');
    } else {
      if (!next[run.last]?.includes(type)) fail(event, `comes after ${run.last}`);
      run.last = type;
    }
  }
  if (!report) return;
  const lost = new Set(report.outcomes.filter(({ status }) => status === 'timed-out').map(({ task }) => task));
  for (const { task, last } of runs.values())
    if (last !== 'done' && ![...lost].some((one) => task === one || task.startsWith(`${one}/`)))
      throw new ScenarioError(`${task} has no end, and has not timed out`);
  const clean = report.outcomes.every(({ status }) => status !== 'failed' && status !== 'timed-out');
  if (report.clean !== (clean && report.failures.length === 0))
    throw new ScenarioError(`The report says that the end was ${report.clean ? '' : 'not '}clean`);
}

function lastRunOf(task: string, runs: ReadonlyMap<string, unknown>): string {
  return [...runs.keys()].findLast((id) => id.slice(0, id.lastIndexOf(' ')) === task) ?? `${task} 1`;
}

function fail({ type, task, at }: RecordedEvent, how: string): never {
  throw new ScenarioError(`At ${at} (ms) the ${type} of ${task} ${how}`);
}
