export { inspector, type InspectorOptions } from './inspector.js';
export type { AppState, TaskState } from './state.js';
