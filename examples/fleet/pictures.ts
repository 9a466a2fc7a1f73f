import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from 'rxjs-tasks';
import type { Fleet, Job, Queue } from 'rxjs-tasks/fleet';
import { log } from './log.js';

/** A picture in all widths of the shop's pages. */
export interface Resized {
  readonly picture: string;
  readonly widths: readonly number[];
  /** The process that resized the picture. */
  readonly by: string;
  /** The attempt that completed the job. */
  readonly attempt: number;
}

/** The progress of a job. */
export interface Progress {
  readonly picture: string;
  readonly done: number;
}

export const widths: readonly number[] = [320, 640, 1280, 2560];

const products = ['teapot', 'lamp', 'sofa', 'rug', 'vase', 'clock', 'chair', 'mirror'];

/** Returns the name of the nth picture. */
export function pictureName(n: number): string {
  return `${products[n % products.length]}-${Math.floor(n / products.length) + 1}.jpg`;
}

/** Returns the queue of pictures to resize. */
export function pictures(fleet: Fleet): Queue<string, Resized> {
  return fleet.queue('pictures');
}

/** Creates a handler that resizes a picture. It releases the job when it is cancelled. */
export function resize(name: string): (picture: string, ctx: Context, job: Job) => Promise<Resized> {
  return async (picture, ctx, job) => {
    try {
      for (const [done] of widths.entries()) {
        job.progress({ picture, done } satisfies Progress);
        // Simulates the work. A real handler passes the signal to the library that resizes.
        await delay(400, undefined, { signal: ctx.signal });
      }
    } catch (error) {
      log(name, `releases ${picture}`);
      throw error;
    }
    const { attempt } = job;
    log(name, `has resized ${picture}${attempt > 1 ? `, in attempt ${attempt}` : ''}`);
    return { picture, widths, by: name, attempt };
  };
}
