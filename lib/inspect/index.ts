/**
 * What an application does: as a page, as SVG, as text, and on a terminal.
 *
 * @module rxjs-tasks/inspect
 */

export { inspector, type InspectorOptions } from './inspector.js';
export type { FleetStateSource } from './fleet-view.js';
export type { AppState, TaskState } from './state.js';
export { renderSvg, type SvgOptions } from './render-svg.js';
export { renderText, type TextOptions } from './render-text.js';
export { terminal, type TerminalOptions } from './terminal.js';
export type { Output } from './output.js';
export { record, type Recorder, type RecordOptions } from '../recording/record.js';
export type { RecordedError, RecordedEvent, RecordedOutcome } from '../recording/recorded.js';
export type { Recording } from '../recording/tape.js';
