import { expect } from 'chai';
import { palette, type Color } from '../../lib/inspect/styles.js';

/** Returns the relative luminance of a colour such as `#12161c`, by WCAG 2. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((start) => {
    const part = parseInt(color.slice(start, start + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(first: string, second: string): number {
  const [dark = 0, light = 0] = [luminance(first), luminance(second)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

describe('The colours of the inspector', () => {
  const themes = { light: 0, dark: 1 } as const;
  const texts = ['text', 'gray', 'red', 'yellow', 'green'] as const;
  const drawn: readonly Color[] = ['blue', 'cyan', 'gray', 'green', 'magenta', 'red', 'yellow'];

  for (const [name, theme] of Object.entries(themes))
    for (const surface of ['background', 'panel'] as const) {
      const onSurface = (color: keyof typeof palette) => contrast(palette[color][theme], palette[surface][theme]);

      it(`make texts readable on the ${surface} of the ${name} theme: 4.5 to 1 at least`, () => {
        for (const color of texts) expect(onSurface(color), color).to.be.at.least(4.5);
      });

      it(`make bars and marks visible on the ${surface} of the ${name} theme: 3 to 1 at least`, () => {
        for (const color of drawn) expect(onSurface(color), color).to.be.at.least(3);
      });
    }
});
