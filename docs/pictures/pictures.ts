import { overlapPictures } from './overlap.js';
import { supervisionPicture } from './supervision.js';

/** The pictures of the guides, by their files. They are drawn from recordings made in virtual time, so each time the same. */
export async function pictures(): Promise<Map<string, string>> {
  return overlapPictures().set('docs/supervision.svg', await supervisionPicture());
}
