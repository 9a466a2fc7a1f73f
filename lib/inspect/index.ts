/**
 * Shows an application: as a page, as SVG, as text, and on a terminal.
 *
 * @module rxjs-tasks/inspect
 */

export { inspector } from './server/inspector.js';
export type { InspectorOptions } from './server/inspector-options.js';
export type { FleetAnswer, FleetStateSource, InspectedQueue } from './server/fleet-state-source.js';
export type { InspectorAction } from './server/action-request.js';
export type {
  DeadLettersAnswer,
  DeadLetterView,
  FailureView,
  GroupsAnswer,
  JobAnswer,
  JobDetails,
  JobsAnswer,
  JobView,
} from './server/job-view.js';
export type { JobAction, QueueAction } from './server/queue-action-request.js';
export type { TaskAction } from './server/task-actions.js';
export type { NotReadyTask } from '../app/not-ready-tasks.js';
export type { TaskDetails } from './server/task-details.js';
export type { EndedRunState, FailureState } from './server/run-log.js';
export type { AppState, SlotHistoryState, TaskState } from './server/app-state.js';
export { renderSvg, type SvgOptions } from './svg/render-svg.js';
export { renderText, type TextOptions } from './text/render-text.js';
export { terminal, type TerminalOptions } from './terminal/terminal.js';
export type { Output } from './terminal/terminal-output.js';
export { record, type Recorder, type RecordOptions } from '../recording/record.js';
export type { RecordedError, RecordedEvent, RecordedOutcome, Recording } from '../recording/types.js';
