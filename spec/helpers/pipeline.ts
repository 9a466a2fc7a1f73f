import type { TaskRunner } from 'rxjs-tasks';
import type { Fleet, JobEvent, Queue } from 'rxjs-tasks/fleet';

const options = { retries: 5, backoff: { initial: 0 } };

/** A pipeline of three steps: the lines of a text, their words, and the number of these. */
export interface Pipeline {
  readonly workers: readonly TaskRunner<JobEvent>[];
  readonly last: Queue<null, number>;
  /** Submits the steps. Returns their ids. */
  readonly submit: (text: string) => Promise<readonly [lines: string, words: string, count: string]>;
}

export function pipeline(fleet: Fleet, name: string): Pipeline {
  const lines = fleet.queue<string, string[]>(`${name}-lines`, options);
  const words = fleet.queue<null, string[]>(`${name}-words`, options);
  const last = fleet.queue<null, number>(`${name}-count`, options);
  return {
    workers: [
      lines.worker((text) => text.split('\n')),
      words.worker((_, __, { outputs: [texts] }) => (texts as string[]).flatMap((text) => text.split(' '))),
      last.worker(
        (_, __, { outputs: [first, second] }) => 100 * (first as string[]).length + (second as string[]).length,
      ),
    ],
    last,
    submit: async (text) => {
      const first = await lines.enqueue(text);
      const second = await words.enqueue(null, { after: [first] });
      return [first, second, await last.enqueue(null, { after: [first, second] })];
    },
  };
}
