/**
 * Whole applications in virtual time, compared with marbles.
 *
 * @module rxjs-tasks/testing
 */

export { ScenarioError } from './scenario-error.js';
export { virtualClock, type VirtualClock } from './virtual-clock.js';
export { explore, type ExploreResult, type ExploreOptions } from './explore.js';
export { fakeSignals, type FakeSignals } from './fake-signals.js';
export { marks, type Mark } from './marbles.js';
export { memoryCoordinator, type MemoryCoordinator } from './memory-coordinator.js';
export type { RecordedError, RecordedEvent, RecordedOutcome } from '../recording/recorded.js';
export { record, type Recorder, type RecordOptions } from '../recording/record.js';
export { replay, type ReplayOptions } from './replay.js';
export { scenario } from './scenario.js';
export type { ScenarioResult, Scenario, ScenarioContext } from './scene.js';
export { script, type ManualTask } from './script.js';
export type { ScriptOptions } from './enact.js';
export type { Recording } from '../recording/tape.js';
export { toMarbles } from './to-marbles.js';
