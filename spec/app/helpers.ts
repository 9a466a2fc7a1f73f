import type { AppEvent } from '../../lib/index.js';

/** Formats an event of an application with its time: `5 consumer failed`. */
export function timedEvent(at: number, event: AppEvent): string {
  return `${at} ${'task' in event ? `${event.task} ` : ''}${event.type}`;
}
