import { Calls } from './calls.js';
import type { RecordedEntry } from './entries.js';
import type { FleetHistory } from './fleet-history.js';

/**
 * Returns a fault for each acknowledged job that was lost or has another input, and each result that was reported twice
 * or is not the stored one.
 */
export function checkJobs(history: FleetHistory): string[] {
  return [...checkResults(history), ...checkAcknowledged(history)];
}

function checkResults({ entries, jobs, changes }: FleetHistory): string[] {
  const faults: string[] = [];
  const calls = new Calls(entries);
  const stored = new Map(jobs.map((job) => [job.id, job]));
  const queues = new Map(changes.map(({ job, queue }) => [job, queue]));
  const mayBeMissing = (job: string) => queues.get(job) === 'churn' || calls.mayBeDone('remove', job);
  const expectStored = (how: string, job: string, value: unknown) => {
    const { state = 'missing', output } = stored.get(job) ?? {};
    if (state === 'missing' && mayBeMissing(job)) return;
    if (state !== 'completed') faults.push(`job ${job} is ${state}, but was ${how}`);
    else if (output?.value !== value)
      faults.push(
        `job ${job} has the result ${JSON.stringify(output?.value)}, but ${JSON.stringify(value)} was ${how}`,
      );
  };
  const isExpected = (job: string, error: string) =>
    (/^(JobDeletedError|RangeError)/.test(error) && mayBeMissing(job)) ||
    (error.startsWith('JobCancelledError') && calls.mayBeDone('cancel', job)) ||
    (error.startsWith('JobError') && queues.get(job) === 'doomed');
  const started = new Set<string>();
  const completed = new Map<string, unknown>();
  for (const entry of entries)
    if (entry.type === 'started') {
      const run = `${entry.job} ${entry.attempt}`;
      if (started.has(run)) faults.push(`attempt ${run} has started twice`);
      started.add(run);
    } else if (entry.type === 'completed') {
      const { job, attempt, value } = entry;
      if (completed.has(job)) faults.push(`job ${job} was reported as completed twice`);
      if (!started.has(`${job} ${attempt}`)) faults.push(`job ${job} has completed without a start`);
      completed.set(job, value);
      expectStored('reported as completed', job, value);
    } else if (entry.type === 'result') {
      const { job, value } = entry;
      expectStored('received by its submitter', job, value);
      if (completed.has(job) && completed.get(job) !== value)
        faults.push(`job ${job} completed with another result than its submitter got`);
    } else if (entry.type === 'failed' && queues.get(entry.job) !== 'doomed')
      faults.push(`job ${entry.job} has failed: ${entry.error}`);
    else if (entry.type === 'refused' && !isExpected(entry.job, entry.error))
      faults.push(`the result of job ${entry.job} was refused: ${entry.error}`);
  return faults;
}

function checkAcknowledged({ entries, jobs }: FleetHistory): string[] {
  const faults: string[] = [];
  const calls = new Calls(entries);
  const stored = new Map(jobs.map((job) => [job.id, job]));
  const end = lastTime(entries);
  const jobsIn = (type: 'started' | 'result' | 'refused') =>
    new Set(entries.flatMap((entry) => (entry.type === type ? [entry.job] : [])));
  const started = jobsIn('started');
  const ended = new Set([...jobsIn('result'), ...jobsIn('refused')]);
  const killed = new Set(entries.filter(({ type }) => type === 'killed').map(({ by }) => by));
  const acknowledged = entries.filter((entry) => entry.type === 'enqueued');
  for (const { job, by } of acknowledged)
    if (!ended.has(job) && !killed.has(by)) faults.push(`the submitter of ${job} got no result`);
  for (const { job, queue, n, key, due = 0 } of acknowledged) {
    if (calls.mayBeDone('cancel', job) || calls.mayBeDone('remove', job)) continue;
    if (due > end && !calls.mayBeDone('promote', job)) continue;
    if (!started.has(job)) faults.push(`job ${job} was acknowledged, but never started`);
    if (queue === 'churn') continue;
    const { state = 'missing', n: storedN } = stored.get(job) ?? {};
    const expected = queue === 'doomed' ? 'failed' : 'completed';
    if (state !== expected) faults.push(`job ${job} is ${state}, but was acknowledged`);
    else if (key === undefined && storedN !== n) faults.push(`job ${job} has the input ${storedN}, but ${n} was asked`);
  }
  return faults;
}

function lastTime(entries: readonly RecordedEntry[]): number {
  return entries.reduce((last, { at }) => Math.max(last, at), 0);
}
