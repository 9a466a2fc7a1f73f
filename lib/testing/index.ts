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
export { memoryFleet } from './memory-fleet.js';
export type { MemoryClaim, MemoryFaults } from './memory-faults.js';
export type { MemoryFleet, MemoryFleetOptions } from './memory-fleet-types.js';
export { record, type Recorder, type RecordOptions } from '../recording/record.js';
export type { RecordedError, RecordedEvent, RecordedOutcome, Recording } from '../recording/types.js';
export { replay, type ReplayOptions } from './replay.js';
export { scenario } from './scenario.js';
export type { ScenarioResult, Scenario, ScenarioContext } from './scenario-types.js';
export { script } from './script.js';
export type { ManualTask } from './manual-task.js';
export type { ScriptOptions } from './scripted-task.js';
export { toMarbles } from './to-marbles.js';
