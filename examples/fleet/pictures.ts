import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from 'rxjs-tasks';
import type { Fleet, Job, Queue } from 'rxjs-tasks/fleet';
import { say } from './say.js';

/** A picture as all the shop's pages need it. */
export interface Resized {
  readonly picture: string;
  readonly widths: readonly number[];
  /** The process that has done it. */
  readonly by: string;
  /** Which of its runs that was. */
  readonly attempt: number;
}

/** What a job tells of how far it is. */
export interface Progress {
  readonly picture: string;
  readonly done: number;
}

export const widths: readonly number[] = [320, 640, 1280, 2560];

const things = ['teapot', 'lamp', 'sofa', 'rug', 'vase', 'clock', 'chair', 'mirror'];

/** The name of the nth picture. */
export function pictureName(n: number): string {
  return `${things[n % things.length]}-${Math.floor(n / things.length) + 1}.jpg`;
}

/** The shop's pictures, which wait to be resized. */
export function pictures(fleet: Fleet): Queue<string, Resized> {
  return fleet.queue('pictures');
}

/** Resizes a picture as `name`. It gives the job back when it is cancelled. */
export function resize(name: string): (picture: string, ctx: Context, job: Job) => Promise<Resized> {
  return async (picture, ctx, job) => {
    try {
      for (const [done] of widths.entries()) {
        job.progress({ picture, done } satisfies Progress);
        // As long as it would take; a real one gives the signal to whatever resizes.
        await delay(400, undefined, { signal: ctx.signal });
      }
    } catch (error) {
      say(name, `gives back ${picture}`);
      throw error;
    }
    const { attempt } = job;
    say(name, `has resized ${picture}${attempt > 1 ? `, in attempt ${attempt}` : ''}`);
    return { picture, widths, by: name, attempt };
  };
}
