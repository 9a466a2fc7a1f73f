import { expect } from 'chai';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { firstValueFrom, NEVER, Subject, timer } from 'rxjs';
import {
  cron,
  launch,
  ordered,
  supervise,
  task,
  taskRunner,
  type Application,
  type LaunchOptions,
  type Runnable,
} from '../../lib/index.js';
import { every, type FleetState } from '../../lib/fleet/index.js';
import { inspector, type FleetStateSource, type InspectorOptions } from '../../lib/inspect/index.js';
// @ts-expect-error It is a script of the package's own, without types.
import { page as built } from '../../lib/inspect/page/build.js';
import { browserPath, launchBrowser } from '../helpers/browser.js';
import { exampleFleet } from '../helpers/example-fleet.js';
import { Fleets } from '../helpers/fleet.js';
import { waitUntil } from '../helpers/wait.js';

const still = (name: string) => task(name, () => NEVER);
const slow = (name: string, ms: number) => task(name, { execute: () => NEVER, finalize: () => timer(ms) });

describe('the page in page.ts', () => {
  it('is what its sources make', async () => {
    const made = await (built as () => Promise<string>)();
    expect(
      readFileSync(new URL('../../lib/inspect/page.ts', import.meta.url), 'utf8') === made,
      'npm run page',
    ).to.equal(true);
  });
});

if (browserPath === undefined && !process.env['CI'])
  console.warn(
    '\n  NOT RUN: the specs of the page. They need a browser: apt-get install chromium, or CHROMIUM=/where/it/is\n',
  );
else
  describe('the page', function () {
    this.timeout(30_000);
    let browser: Browser;
    let context: BrowserContext;
    let page: Page;
    let errors: string[];
    const running: Application[] = [];

    before(async () => {
      browser = await launchBrowser();
    });
    after(() => browser.close());

    beforeEach(async () => {
      context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
      page = await context.newPage();
      // Shorter than that of a spec, so that what is waited for in vain is named.
      page.setDefaultTimeout(20_000);
      errors = [];
      page.on('pageerror', (error) => errors.push(String(error)));
      page.on('dialog', (dialog) => {
        errors.push(`A dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
    });

    afterEach(async () => {
      await context.close();
      await Promise.all(running.splice(0).map((app) => app.stop()));
      expect(errors).to.deep.equal([]);
    });

    async function inspected(
      tasks: readonly Runnable[],
      options: LaunchOptions = {},
      inspect: Partial<InspectorOptions> = {},
    ) {
      const runner = taskRunner(inspector({ port: 0, ...inspect }));
      const url = firstValueFrom(runner.results$);
      const app = launch([runner, ...tasks], { observer: () => undefined, ...options });
      running.push(app);
      return { app, url: await url };
    }

    const row = (path: string) => page.locator(`.row[data-task=${JSON.stringify(path)}]`);
    const state = page$('#state');
    function page$(selector: string) {
      return { says: (text: string) => page.locator(selector, { hasText: text }).waitFor() };
    }
    const details = page$('#details');

    /** A click on the chart, so far from its right edge, at a row. */
    async function clickChart(path: string, fromRight: number): Promise<void> {
      const name = await row(path).boundingBox();
      const chart = await page.locator('#chart').boundingBox();
      if (!name || !chart) throw new Error(`There is no ${path}`);
      await page.mouse.click(chart.x + chart.width - fromRight, name.y + name.height / 2);
    }

    it('shows every task in its place, and what becomes of it, as it happens', async () => {
      const up$ = new Subject<void>();
      const end$ = new Subject<number>();
      const { url } = await inspected([
        ordered(
          'shop',
          task('db', { initialize: () => up$, execute: () => NEVER }),
          task('job', () => end$),
        ),
        cron(still('nightly'), '@daily'),
      ]);
      await page.goto(url);
      await state.says('Not ready');
      await page.locator('.row[aria-label="shop/db, initializing"]').waitFor();
      const names = await page.locator('.row:visible .name').allTextContents();
      expect(names).to.deep.equal(['inspector', 'shop', 'db', 'job', 'nightly']);
      up$.complete();
      await page.locator('.row[aria-label="shop/job, running"]').waitFor();
      await state.says('Ready');
      expect(await row('nightly').locator('.note').textContent()).to.match(/^in \d/);
      end$.error(new Error('no disk'));
      await page.locator('.row[aria-label="shop/job, failed"]').waitFor();
      await row('shop/job').click();
      await details.says('shop/job failed in execute: no disk');
    });

    it('shows a cancel, and that the application has ended', async () => {
      const { app, url } = await inspected([slow('slow', 1200)], { drainDelay: 600 });
      await page.goto(url);
      await state.says('Ready');
      const report = app.stop();
      await state.says('Draining');
      await state.says('Stopping');
      await page.locator('.row[aria-label="slow, finalizing"]').waitFor();
      await state.says('The application has ended');
      expect((await report).clean).to.equal(true);
    });

    it('comes back by itself when the server does, and shows the new application', async () => {
      const { app, url } = await inspected([still('before')]);
      const port = Number(new URL(url).port);
      await page.goto(url);
      await row('before').waitFor();
      await app.stop();
      await state.says('has ended');
      await inspected([still('after')], {}, { port });
      await row('after').waitFor({ timeout: 15_000 });
      await state.says('Ready');
      expect(await row('before').count()).to.equal(0);
    });

    it('does not mix two applications when it was refused in between', async () => {
      const { app, url } = await inspected([still('before')]);
      await page.goto(url);
      await row('before').waitFor();
      // As a proxy does while there is no server: after that, a browser does not try again by itself.
      await page.route('**/events*', (route) => route.fulfill({ status: 502 }), { times: 1 });
      const refused = page.waitForResponse((response) => response.status() === 502);
      await app.stop();
      await refused;
      await inspected([still('after')], {}, { port: Number(new URL(url).port) });
      await row('after').waitFor();
      await state.says('Ready');
      expect(await row('before').count()).to.equal(0);
    });

    it('does not take for true what it knew before a gap', async () => {
      const { url } = await inspected([still('a')]);
      const told = (event: string, data: unknown) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
      const at = Date.now();
      await page.route('**/events', (route) =>
        route.fulfill({
          contentType: 'text/event-stream',
          body:
            `retry: 100000\n${told('events', [{ type: 'initializing', task: 'a', at }])}` +
            `${told('gap', { missed: 3 })}${told('events', [{ type: 'ready', task: 'inspector', at }])}`,
        }),
      );
      await page.goto(url);
      await page.locator('.row[aria-label="a, running"]').waitFor();
    });

    it('comes to whoever follows a link with the token from elsewhere', async () => {
      const token = 'correct horse battery';
      const { url } = await inspected([], {}, { token });
      const elsewhere = createServer((_, response) => {
        response.setHeader('content-type', 'text/html');
        response.end(`<a href="${url}?token=${encodeURIComponent(token)}">Look</a>`);
      }).listen(0);
      await once(elsewhere, 'listening');
      await page.goto(`http://localhost:${(elsewhere.address() as AddressInfo).port}`);
      await page.locator('a').click();
      await state.says('Ready');
      expect(page.url()).to.equal(url);
      elsewhere.close();
      elsewhere.closeAllConnections();
    });

    it('keeps what one is about to choose in its place', async () => {
      const { url } = await inspected([
        cron(
          task('often', () => 1),
          50,
        ),
      ]);
      await page.goto(url);
      await row('often').click();
      await details.says('Latest');
      // In one step: before it has the focus, it is another with each run.
      await page.evaluate('document.querySelector("#details li button").focus()');
      // There is a run in this time, and more.
      await delay(500);
      expect(await page.evaluate('document.activeElement.closest("li") !== null')).to.equal(true);
      await page.keyboard.press('Enter');
      await details.says('Whatrun');
    });

    it('needs no storage', async () => {
      const { url } = await inspected([still('a')]);
      await page.addInitScript(
        `Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied'); } })`,
      );
      await page.goto(url);
      await row('a').waitFor();
      await page.keyboard.press('t');
      await page$('#theme').says('Theme: light');
    });

    it('shows tasks of one name as one, past which the keys go', async () => {
      const { url } = await inspected([still('a'), still('a'), still('b')]);
      await page.goto(url);
      await row('b').waitFor();
      expect(await row('a').count()).to.equal(1);
      for (let times = 0; times < 3; times++) await page.keyboard.press('ArrowDown');
      await page.locator('.row[aria-current=true]', { hasText: 'b' }).waitFor();
    });

    it('tells those who do not see it what is chosen, and brings them to its details and back', async () => {
      const { url } = await inspected([still('a')]);
      await page.goto(url);
      await page.getByRole('button', { name: 'a, running' }).waitFor();
      await page.locator('#stage').focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      await page.getByRole('status').filter({ hasText: 'a, running' }).waitFor();
      await page.keyboard.press('Enter');
      const focused = () => page.evaluate<string>('document.activeElement.id');
      expect(await focused()).to.equal('details');
      await page.keyboard.press('Escape');
      expect(await focused()).to.equal('stage');
    });

    it('tells more of what is clicked: a mark, a span, a task', async () => {
      const { url } = await inspected([
        cron(
          task('report', () => {
            throw new Error('no <b>disk</b>');
          }),
          30,
        ),
        supervise(still('worker')),
      ]);
      await page.goto(url);
      await state.says('Ready');
      for (let times = 0; times < 4; times++) await page.keyboard.press('+');
      await delay(500);
      await page.locator('#pause').click();
      // Each run fails at once, and there is one every few pixels.
      await clickChart('report', 60);
      await details.says('Whatrun');
      await row('report').click();
      await details.says('Last error in execute');
      await page.locator('#details li', { hasText: 'run failed' }).first().click();
      await details.says('Whatrun failed');
      await details.says('report failed in execute: no <b>disk</b>');
      await clickChart('worker', 60);
      await details.says('running');
      await details.says('From');
      await page.keyboard.press('Escape');
      expect(await page.locator('#details').isVisible()).to.equal(false);
    });

    it('filters, with the groups that what is found is in', async () => {
      const { url } = await inspected([ordered('shop', still('db'), still('http')), still('other')]);
      await page.goto(url);
      await row('other').waitFor();
      await page.keyboard.press('/');
      await page.keyboard.type('HTTP');
      await row('other').waitFor({ state: 'hidden' });
      expect(await page.locator('.row:visible .name').allTextContents()).to.deep.equal(['shop', 'http']);
      await page.locator('#filter').fill('nothing like it');
      await page$('#empty').says('No task matches');
    });

    it('goes by the keyboard', async () => {
      const { url } = await inspected([still('a'), still('b')]);
      await page.goto(url);
      await row('b').waitFor();
      const shown = () => page.locator('#span').textContent();
      expect(await shown()).to.equal('1 min');
      await page.keyboard.press('+');
      await page$('#span').says('30 s');
      await page.keyboard.press('-');
      await page$('#span').says('1 min');
      await page.keyboard.press('Space');
      await page.locator('#pause[aria-pressed=true]').waitFor();
      await page.keyboard.press('Space');
      await page.locator('#pause[aria-pressed=false]').waitFor();
      await page.keyboard.press('ArrowLeft');
      await page.locator('#pause[aria-pressed=true]').waitFor();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await details.says('a');
      expect(await page.locator('.row[aria-current=true]').getAttribute('data-task')).to.equal('a');
    });

    it('takes what comes from tasks for text', async () => {
      const evil = `<img src=x onerror="document.title='pwned';alert(1)">`;
      const { url } = await inspected(
        [
          task(evil, () => {
            throw new Error(`${evil}</script><script>alert(2)</script>`);
          }),
          ordered('"></script><script>alert(3)</script>', still(evil)),
        ],
        { onFailure: 'continue' },
      );
      await page.goto(url);
      await page.locator('.row .name', { hasText: 'onerror' }).first().waitFor();
      await page.locator('.row .name', { hasText: 'onerror' }).first().click();
      await details.says('</script><script>alert(2)</script>');
      await page.waitForTimeout(300);
      expect(await page.locator('img').count()).to.equal(0);
      expect(await page.title()).not.to.contain('pwned');
    });

    it('shows 1,000 tasks and 10,000 events a minute at 30 frames a second or better', async function () {
      this.timeout(60_000);
      const { url } = await inspected([
        ...Array.from({ length: 1000 }, (_, place) =>
          cron(
            task(`task ${place}`, () => timer(1000)),
            6000,
            { startAt: Date.now() + place * 6 },
          ),
        ),
      ]);
      await page.goto(url);
      await state.says('Ready');
      await delay(1000);
      const frames = await page.evaluate<number>(`(async () => {
        let count = 0;
        const from = performance.now();
        while (performance.now() - from < 4000) {
          await new Promise(requestAnimationFrame);
          // So that it draws anew at each of them.
          document.getElementById('stage').scrollTop = (++count * 7) % 20_000;
        }
        return (count / (performance.now() - from)) * 1000;
      })()`);
      expect(frames).to.be.greaterThan(30);
      expect(await page.locator('.row').count()).to.be.lessThan(60);
    });

    it('is readable on a phone', async () => {
      await page.setViewportSize({ width: 375, height: 700 });
      const { url } = await inspected([ordered('shop', still('database'), still('http'))]);
      await page.goto(url);
      await row('shop/http').waitFor();
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).to.equal(375);
      await row('shop/http').click();
      await details.says('running');
    });

    describe('of a fleet', () => {
      const fleet = page$('#fleet');
      const told = (state: FleetState): FleetStateSource => ({ state: () => Promise.resolve(state) });
      /** The cells of a table, line by line. */
      const table = async (of: string) => {
        const lines = await page.locator(`[data-of=${of}] tr`).all();
        return Promise.all(lines.map((line) => line.locator('th, td').allTextContents()));
      };
      const heightOfStage = async () => (await page.locator('#stage').boundingBox())?.height;

      it('shows members, queues and crons, with what is wrong', async () => {
        const { url } = await inspected([], {}, { fleet: told(exampleFleet()) });
        await page.goto(url);
        await fleet.says('3 dead, 1 quiet3 members, 2 queues, 2 crons');
        const [, , , quiet] = await table('members');
        expect(quiet?.[0]).to.equal('worker-2');
        expect(quiet?.[1]).to.match(/^quiet for 2 min /);
        expect((await table('members')).slice(0, 3)).to.deep.equal([
          ['Member', 'Sign of life'],
          ['web-1', 'live'],
          ['worker-1', 'live'],
        ]);
        expect(await table('queues')).to.deep.equal([
          ['Queue', 'Waiting', 'Running', 'Dead'],
          ['emails', '1,200', '4', '0'],
          ['invoices', '0', '0', '3'],
        ]);
        expect(await page.locator('[data-of=queues] .bad').allTextContents()).to.deep.equal(['3']);
        const [, cleanup, report] = await table('crons');
        expect(cleanup?.[1]).to.match(/\d\d:\d\d:\d\d$/);
        expect(cleanup?.[2]).to.equal('worker-1');
        expect(report).to.deep.equal(['shop/report', '2026-01-02 03:04:05', 'nobody']);
        expect(await page.locator('#fleet .banner').isVisible()).to.equal(false);
      });

      it('is not there without one', async () => {
        const { url } = await inspected([still('a')]);
        const asked: string[] = [];
        page.on('request', (request) => asked.push(new URL(request.url()).pathname));
        await page.goto(url);
        await row('a').waitFor();
        expect(await page.locator('#fleet').isVisible()).to.equal(false);
        await delay(2500);
        expect(asked).to.include('/snapshot');
        expect(asked).not.to.include('/fleet');
      });

      it('says by whom, why and since when it is cancelled', async () => {
        const cancelled = { reason: 'release 42', by: 'ops', at: new Date(2026, 0, 2, 3, 4, 5).getTime() };
        const { url } = await inspected([], {}, { fleet: told(exampleFleet({ cancelled })) });
        await page.goto(url);
        await page.locator('#fleet summary').click();
        await page
          .getByRole('status')
          .filter({ hasText: 'Cancelled by ops at 2026-01-02 03:04:05: release 42' })
          .waitFor();
      });

      it('keeps what it knew when there is no answer, without a jump, and goes on when there is', async () => {
        let fails = false;
        const state = () => (fails ? Promise.reject(new Error('no database')) : Promise.resolve(exampleFleet()));
        const { url } = await inspected([still('a')], {}, { fleet: { state } });
        await page.goto(url);
        await fleet.says('1 quiet');
        const height = await heightOfStage();
        fails = true;
        await fleet.says('No answer since');
        await page$('#fleet .notice').says('The fleet does not answer: no database');
        await page.locator('#fleet [data-stale] [data-of=queues]', { hasText: 'invoices' }).waitFor();
        expect(await heightOfStage()).to.equal(height);
        fails = false;
        await fleet.says('1 quiet');
        expect(await page.locator('#fleet [data-stale]').count()).to.equal(0);
      });

      it('shows the rest of the page when it never answers', async () => {
        const { url } = await inspected([still('a')], {}, { fleet: { state: () => new Promise(() => undefined) } });
        await page.goto(url);
        await row('a').waitFor({ timeout: 3000 });
        await fleet.says('Asking');
        await fleet.says('No answer');
      });

      it('shows the first 50 of many, those in trouble among them', async () => {
        const [one] = exampleFleet().members;
        if (!one) throw new Error('It has no member');
        const members = Array.from({ length: 1000 }, (_, n) => ({ ...one, name: `worker-${n}`, live: n !== 777 }));
        const { url } = await inspected([], {}, { fleet: told(exampleFleet({ members, crons: [] })) });
        await page.goto(url);
        await fleet.says('1,000 members');
        const names = (await table('members')).map(([name]) => name);
        expect(names).to.have.length(52);
        expect([names[1], names[2], names[51]]).to.deep.equal(['worker-777', 'worker-0', 'and 950 more']);
        expect((await table('crons'))[1]).to.deep.equal(['none']);
      });

      it('takes its names for text', async () => {
        const evil = `<img src=x onerror="document.title='pwned';alert(1)">`;
        const at = Date.now();
        const { url } = await inspected(
          [],
          {},
          {
            fleet: told({
              schema: evil,
              cancelled: { reason: evil, by: evil, at },
              members: [{ name: evil, host: evil, pid: 1, since: at, seen: at, live: false }],
              queues: [{ name: evil, waiting: 0, running: 0, dead: 1 }],
              crons: [{ task: evil, slot: at, holder: evil }],
            }),
          },
        );
        await page.goto(url);
        await page.locator('[data-of=crons]', { hasText: evil }).waitFor();
        await page.waitForTimeout(300);
        expect(await page.locator('img').count()).to.equal(0);
        expect(await page.title()).not.to.contain('pwned');
      });

      it('is opened, closed and scrolled by the keyboard, and stays as it was', async () => {
        const queues = Array.from({ length: 30 }, (_, n) => ({ name: `queue-${n}`, waiting: 0, running: 0, dead: 0 }));
        const { url } = await inspected([still('a')], {}, { fleet: told(exampleFleet({ queues })) });
        await page.goto(url);
        await fleet.says('30 queues');
        const open = () => page.evaluate<boolean>('document.querySelector("#fleet details").open');
        expect(await open()).to.equal(true);
        await page.locator('#fleet summary').focus();
        await page.keyboard.press('Tab');
        await page.keyboard.press('ArrowDown');
        // `waitForFunction` would need an eval, which the page forbids.
        await waitUntil(() => page.evaluate<boolean>('document.querySelector("#fleet .tables").scrollTop > 0'));
        expect(await page.locator('.row[aria-current=true]').count()).to.equal(0);
        await page.keyboard.press('Shift+Tab');
        await page.keyboard.press('Space');
        expect(await open()).to.equal(false);
        expect(await page.locator('#pause').getAttribute('aria-pressed')).to.equal('false');
        await page.reload();
        await fleet.says('30 queues');
        expect(await open()).to.equal(false);
      });

      it('is readable on a phone, where it is closed at first', async () => {
        await page.setViewportSize({ width: 375, height: 700 });
        const { url } = await inspected([still('a')], {}, { fleet: told(exampleFleet()) });
        await page.goto(url);
        await fleet.says('3 dead');
        expect(await page.locator('[data-of=members]').isVisible()).to.equal(false);
        await page.locator('#fleet summary').click();
        await page.locator('[data-of=members]').waitFor();
        expect(await page.evaluate<number>('document.documentElement.scrollWidth')).to.equal(375);
        expect(await page.evaluate<number>('document.querySelector("#fleet .tables").scrollWidth')).to.equal(375);
        expect(await row('a').isVisible()).to.equal(true);
      });

      it('shows a real one', async function () {
        this.timeout(90_000);
        const fleets = new Fleets();
        try {
          const ship = await fleets.connect({ name: 'ship-1' });
          const squares = ship.queue<number, number>('squares');
          await squares.enqueue(7);
          const tick = cron(still('sync'), every(200), { coordinator: ship.coordinator });
          const { app, url } = await inspected([tick], {}, { fleet: ship });
          await page.goto(url);
          await page.locator('[data-of=members]', { hasText: 'ship-1live' }).waitFor();
          await page.locator('[data-of=queues]', { hasText: 'squares' }).waitFor();
          await page.locator('[data-of=crons]', { hasText: /sync.*\d\d:\d\d:\d\dship-1/ }).waitFor();
          await ship.cancel('enough');
          await page$('#fleet .banner').says('enough');
          expect(await page.locator('#fleet .banner').textContent()).to.match(/^Cancelled by ship-1 at .*: enough$/);
          await app.stop();
        } finally {
          await fleets.close();
        }
      });
    });
  });
