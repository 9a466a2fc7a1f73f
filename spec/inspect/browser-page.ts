import { expect } from 'chai';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { browserPath, launchBrowser } from '../helpers/browser.js';
import { waitUntil } from '../helpers/wait.js';

/** Below mocha's timeout, so that a failure names the missing element. */
const elementTimeoutMs = 100_000;

/** The inspector's page in a browser. Each spec has a new page, and fails if the page throws or opens a dialog. */
export class BrowserPage {
  private browser: Browser | undefined;
  private context: BrowserContext | undefined;
  private current: Page | undefined;
  private errors: string[] = [];

  /** Opens a browser for the suite in which this is called. */
  constructor() {
    before(async () => {
      this.browser = await launchBrowser();
    });
    after(() => this.browser?.close());
    beforeEach(() => this.newPage());
    afterEach(async () => {
      await this.context?.close();
      expect(this.errors).to.deep.equal([]);
    });
  }

  get page(): Page {
    if (!this.current) throw new Error('The page is open during a spec only');
    return this.current;
  }

  row(path: string): Locator {
    return this.page.locator(`.row[data-task=${JSON.stringify(path)}]`);
  }

  /** Waits until an element contains a text. */
  async waitForText(selector: string, text: string): Promise<void> {
    await this.page.locator(selector, { hasText: text }).first().waitFor();
  }

  /** Waits until a row of the task list has a status. */
  async waitForStatus(path: string, status: string): Promise<void> {
    await this.page.locator(`.row[aria-label="${path}, ${status}"]`).waitFor();
  }

  visibleNames(): Promise<string[]> {
    return this.page.locator('.row:visible .name').allTextContents();
  }

  evaluate<T>(expression: string): Promise<T> {
    return this.page.evaluate<T>(expression);
  }

  /** Clicks on the chart at a row, farther and farther from its right edge, until the details contain a text. */
  async clickChartUntil(path: string, text: string): Promise<void> {
    const name = await this.row(path).boundingBox();
    const chart = await this.page.locator('#chart').boundingBox();
    if (!name || !chart) throw new Error(`The chart has no ${path}`);
    let fromRight = 40;
    await waitUntil(async () => {
      fromRight = fromRight > 500 ? 40 : fromRight + 10;
      await this.page.mouse.click(chart.x + chart.width - fromRight, name.y + name.height / 2);
      return (await this.page.locator('#details', { hasText: text }).count()) > 0;
    });
  }

  private async newPage(): Promise<void> {
    if (!this.browser) throw new Error('No browser');
    this.context = await this.browser.newContext({ viewport: { width: 1280, height: 720 } });
    this.current = await this.context.newPage();
    this.current.setDefaultTimeout(elementTimeoutMs);
    this.errors = [];
    this.current.on('pageerror', (error) => this.errors.push(String(error)));
    this.current.on('dialog', (dialog) => {
      this.errors.push(`A dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }
}

/** Defines a suite that needs a browser. Without one it warns on a developer's machine and fails in CI. */
export function describeWithBrowser(title: string, define: (browserPage: BrowserPage) => void): void {
  if (browserPath === undefined && !process.env['CI'])
    console.warn(`\n  NOT RUN: ${title}. It needs a browser: apt-get install chromium, or CHROMIUM=/path/to/it\n`);
  else describe(title, () => define(new BrowserPage()));
}
