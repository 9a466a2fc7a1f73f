import type { Color } from './looks.js';

const codes: Readonly<Record<Color | 'bold' | 'dim', number>> = {
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
  gray: 90,
  bold: 1,
  dim: 2,
};

/** Gives a text a terminal's colour, or leaves it as it is. */
export type Paint = (text: string, color: Color | 'bold' | 'dim') => string;

export function painter(colored: boolean): Paint {
  return colored ? (text, color) => (text === '' ? '' : `\u001b[${codes[color]}m${text}\u001b[0m`) : (text) => text;
}
