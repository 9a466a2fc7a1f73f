import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const candidates = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** The path of the browser on this machine, if there is one. */
export const browserPath: string | undefined = candidates.find((path) => path && existsSync(path));

export function launchBrowser(): Promise<Browser> {
  // Chromium has no sandbox when it runs as root.
  return chromium.launch({ executablePath: browserPath ?? 'chromium', args: ['--no-sandbox', '--disable-gpu'] });
}
