import { styleText } from 'node:util';
import type { Color } from '../styles.js';

/** Gives a text a colour of the terminal, or returns it unchanged. */
export type Paint = (text: string, style: Color | 'bold' | 'dim') => string;

export function painter(colored: boolean): Paint {
  if (!colored) return (text) => text;
  // The caller decides about colours; without `validateStream: false` the state of stdout would.
  return (text, style) => (text === '' ? '' : styleText(style, text, { validateStream: false }));
}
