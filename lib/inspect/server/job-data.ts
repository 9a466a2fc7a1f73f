import type { RunContext } from '../../context/types.js';
import type { RecordedError, RecordedEvent, RecordedOutcome } from '../../recording/types.js';

/** Whether a run is an attempt of a job of a queue, or has been started by one. */
export function isOfJob(run: RunContext | undefined): boolean {
  for (let at = run; at; at = at.parent) if (at.job) return true;
  return false;
}

/** Hides the messages of the errors of an event, which may be personal if the event is that of a job. */
export function withoutMessages(event: RecordedEvent): RecordedEvent {
  const { outcome } = event;
  return { ...event, ...hiddenErrors(event), ...(outcome && { outcome: hiddenOutcome(outcome) }) };
}

/** Hides the message of an error. */
export function hiddenError({ name, task, phase }: RecordedError): RecordedError {
  const failed = task === undefined || phase === undefined ? '' : `${task} failed in ${phase}: `;
  return {
    name: shownName(name),
    message: `${failed}the message is hidden, inspector({ showData: true }) shows it`,
    ...(task !== undefined && { task }),
    ...(phase && { phase }),
  };
}

/** Returns the name of an error. Anything can be its name, so only one that looks like that of a class is shown. */
export function shownName(name: string): string {
  return /^(?:[A-Z]\w{0,60})?(?:Error|Exception)$/.test(name) ? name : 'Error';
}

function hiddenOutcome(outcome: RecordedOutcome): RecordedOutcome {
  const { members } = outcome;
  return { ...outcome, ...hiddenErrors(outcome), ...(members && { members: members.map(hiddenOutcome) }) };
}

function hiddenErrors({ error, cause }: { readonly error?: RecordedError; readonly cause?: RecordedError }): object {
  return { ...(error && { error: hiddenError(error) }), ...(cause && { cause: hiddenError(cause) }) };
}
