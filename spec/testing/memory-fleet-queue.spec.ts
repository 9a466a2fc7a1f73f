import { describeDependencies } from '../fleet/behaviour/dependencies.js';
import { describeQueueFeatures } from '../fleet/behaviour/queue-features.js';
import { describeQueue } from '../fleet/behaviour/queue.js';
import { MemoryFleets } from '../helpers/test-fleets.js';

describe('A queue of a memoryFleet', () => {
  const fleets = new MemoryFleets();
  describeQueue(fleets);
  describeQueueFeatures(fleets);
});

describe('A job of a memoryFleet that waits for other jobs', () => {
  describeDependencies(new MemoryFleets());
});
