import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const places = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where a browser is on this machine, if there is one. */
export const browserPath: string | undefined = places.find((place) => place && existsSync(place));

export function launchBrowser(): Promise<Browser> {
  // As root it has no sandbox of its own.
  return chromium.launch({ executablePath: browserPath ?? 'chromium', args: ['--no-sandbox', '--disable-gpu'] });
}
