import { overlapPictures } from './overlap.js';
import { supervisionPicture } from './supervision.js';

/** Returns the pictures of the guides, by file. Their recordings are made in virtual time, so they never change. */
export async function pictures(): Promise<Map<string, string>> {
  return overlapPictures().set('docs/supervision.svg', await supervisionPicture());
}
