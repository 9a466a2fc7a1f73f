export { memoryCoordinator, type MemoryCoordinator } from './memory-coordinator.js';
