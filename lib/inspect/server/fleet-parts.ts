import type { Answer } from './answer.js';
import { shareFleet, type FleetAnswer, type FleetStateSource } from './fleet-state-source.js';
import { queueActionsOf, type PerformedAction, type PerformQueueAction } from './queue-actions.js';
import { queueRoute, type QueueRoute } from './queue-route.js';
import { SharedAnswers } from './shared-answer.js';

/** The parts of an inspector that need its fleet. */
export interface FleetParts {
  readonly state: (() => Promise<FleetAnswer>) | undefined;
  readonly queues: QueueRoute;
  readonly performQueueAction: PerformQueueAction | undefined;
}

/** @param onPerformed called after each action that has changed something. */
export function fleetParts(
  fleet: FleetStateSource | undefined,
  showData: boolean,
  now: () => number,
  onPerformed: (performed: PerformedAction) => void,
): FleetParts {
  const shared = fleet && shareFleet(fleet, now);
  const answers = new SharedAnswers<Answer>(now);
  const onChange = (performed: PerformedAction) => {
    answers.clear();
    onPerformed(performed);
  };
  return {
    state: shared?.lastKnown,
    queues: queueRoute({ fleet, shared, showData, answers }),
    performQueueAction: fleet?.queue && shared && queueActionsOf(fleet, shared, onChange),
  };
}
