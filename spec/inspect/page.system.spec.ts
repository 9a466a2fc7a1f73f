import { expect } from 'chai';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NEVER, Subject, timer } from 'rxjs';
import { cron, ordered, supervise, task } from '../../lib/index.js';
// @ts-expect-error A build script without types.
import { buildPage } from '../../lib/inspect/page/build.js';
import { virtualClock } from '../../lib/testing/index.js';
import { inspectedApps } from '../helpers/inspected.js';
import { pause, waitUntil } from '../helpers/wait.js';
import { describeWithBrowser } from './browser-page.js';

const untilCancelled = (name: string) => task(name, () => NEVER);

describe('The build of the page', () => {
  it('writes the same file each time, which is the one that the inspector serves', async () => {
    const build = buildPage as () => Promise<string>;
    const built = await build();
    expect((await build()) === built, 'a second build').to.equal(true);
    const served = readFileSync(new URL('../../lib/inspect/page.ts', import.meta.url), 'utf8');
    expect(served === built, 'npm run page').to.equal(true);
  });
});

describeWithBrowser('The page', (browserPage) => {
  const inspected = inspectedApps();
  const waitForAppStatus = (text: string) => browserPage.waitForText('#state', text);
  const waitForDetails = (text: string) => browserPage.waitForText('#details', text);

  it('shows the tree of tasks, and their statuses as they change', async () => {
    const { page } = browserPage;
    const up$ = new Subject<void>();
    const results$ = new Subject<number>();
    const { url } = await inspected([
      ordered(
        'shop',
        task('db', { initialize: () => up$, execute: () => NEVER }),
        task('job', () => results$),
      ),
      cron(untilCancelled('nightly'), '@daily'),
    ]);
    await page.goto(url);
    await waitForAppStatus('Not ready');
    await browserPage.waitForStatus('shop/db', 'initializing');
    expect(await browserPage.visibleNames()).to.deep.equal(['inspector', 'shop', 'db', 'job', 'nightly']);
    up$.complete();
    await browserPage.waitForStatus('shop/job', 'running');
    await waitForAppStatus('Ready');
    expect(await browserPage.row('nightly').locator('.note').textContent()).to.match(/^in \d/);
    results$.error(new Error('no disk'));
    await browserPage.waitForStatus('shop/job', 'failed');
    await browserPage.row('shop/job').click();
    await waitForDetails('shop/job failed in execute: no disk');
  });

  it('shows the drain, the cancel and the end of the application', async () => {
    const clock = virtualClock(0);
    const finalized$ = new Subject<void>();
    const slow = task('slow', { execute: () => NEVER, finalize: () => finalized$ });
    const { app, url } = await inspected([slow], { drainDelay: 600, scheduler: clock });
    await browserPage.page.goto(url);
    await waitForAppStatus('Ready');
    const report = app.stop();
    await waitForAppStatus('Draining');
    clock.advance(600);
    await waitForAppStatus('Stopping');
    await browserPage.waitForStatus('slow', 'finalizing');
    finalized$.complete();
    await waitForAppStatus('The application has ended');
    expect((await report).clean).to.equal(true);
  });

  it('reconnects when the server returns, and shows the new application', async () => {
    const { app, url } = await inspected([untilCancelled('before')]);
    const port = Number(new URL(url).port);
    await browserPage.page.goto(url);
    await browserPage.row('before').waitFor();
    await app.stop();
    await waitForAppStatus('has ended');
    await inspected([untilCancelled('after')], {}, { port });
    await browserPage.row('after').waitFor();
    await waitForAppStatus('Ready');
    expect(await browserPage.row('before').count()).to.equal(0);
  });

  it('does not mix two applications after a refused reconnection', async () => {
    const { page } = browserPage;
    const { app, url } = await inspected([untilCancelled('before')]);
    await page.goto(url);
    await browserPage.row('before').waitFor();
    // The answer of a proxy without a server, after which a browser does not reconnect by itself.
    await page.route('**/events*', (route) => route.fulfill({ status: 502 }), { times: 1 });
    const refused = page.waitForResponse((response) => response.status() === 502);
    await app.stop();
    await refused;
    await inspected([untilCancelled('after')], {}, { port: Number(new URL(url).port) });
    await browserPage.row('after').waitFor();
    await waitForAppStatus('Ready');
    expect(await browserPage.row('before').count()).to.equal(0);
  });

  it('discards its timeline after a gap in the events', async () => {
    const { page } = browserPage;
    const { url } = await inspected([untilCancelled('a')]);
    const message = (event: string, data: unknown) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    const at = Date.now();
    await page.route('**/events', (route) =>
      route.fulfill({
        contentType: 'text/event-stream',
        body:
          `retry: 100000\n${message('events', [{ type: 'initializing', task: 'a', at }])}` +
          `${message('gap', { missed: 3 })}${message('events', [{ type: 'ready', task: 'inspector', at }])}`,
      }),
    );
    await page.goto(url);
    await browserPage.waitForStatus('a', 'running');
  });

  it('opens from a link with the token on another site, and keeps the token in its tab alone', async () => {
    const { page } = browserPage;
    const token = 'correct horse battery';
    const { url } = await inspected([], {}, { token });
    const links = ['?', '#'].map((mark) => `<p><a href="${url}${mark}token=${encodeURIComponent(token)}">${mark}</a>`);
    const otherSite = createServer((_, response) => {
      response.setHeader('content-type', 'text/html').end(links.join(''));
    }).listen(0);
    await once(otherSite, 'listening');
    for (const mark of ['?', '#']) {
      await page.goto(`http://localhost:${(otherSite.address() as AddressInfo).port}`);
      await page.getByText(mark).click();
      await waitForAppStatus('Ready');
      expect(page.url(), mark).to.equal(url);
      expect(await page.context().cookies(), mark).to.deep.equal([]);
      expect(await browserPage.evaluate('JSON.stringify(localStorage)')).not.to.contain(token);
      await page.reload();
      await waitForAppStatus('Ready');
      await browserPage.evaluate('sessionStorage.clear()');
    }
    otherSite.close();
    otherSite.closeAllConnections();
  });

  it('asks for the token, and says when it is wrong', async () => {
    const { page } = browserPage;
    const token = 'correct horse battery';
    const { url } = await inspected([untilCancelled('a')], {}, { token });
    await page.goto(url);
    await waitForAppStatus('Token needed');
    expect(await page.locator('#refusal').textContent()).to.equal('');
    for (const wrong of ['wrong horse battery', 'ein Pferd für €5']) {
      await page.getByLabel('Token').fill(wrong);
      await page.keyboard.press('Enter');
      await page.getByRole('alert').filter({ hasText: 'refuses this token' }).waitFor();
    }
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Open' }).click();
    await waitForAppStatus('Ready');
    await browserPage.row('a').waitFor();
    expect(await page.locator('#sign-in').isVisible()).to.equal(false);
    await page.reload();
    await waitForAppStatus('Ready');
  });

  it('keeps the entries of a focused list in place', async () => {
    const { page } = browserPage;
    let runs = 0;
    const often = cron(
      task('often', () => ++runs),
      50,
    );
    const { url } = await inspected([often]);
    await page.goto(url);
    await browserPage.row('often').click();
    await waitForDetails('Latest');
    // In one step, because each run replaces the entries until one is focused.
    await browserPage.evaluate('document.querySelector("#details li button").focus()');
    const shownRuns = async () => Number(await page.locator('#details dt:text-is("Runs") + dd').textContent());
    const before = await shownRuns();
    await waitUntil(async () => (await shownRuns()) > before + 1);
    expect(await browserPage.evaluate('document.activeElement.closest("li") !== null')).to.equal(true);
    await page.keyboard.press('Enter');
    await waitForDetails('Eventslot started');
  });

  it('works without storage', async () => {
    const { page } = browserPage;
    const { url } = await inspected([untilCancelled('a')], {}, { token: 'correct horse battery' });
    for (const storage of ['localStorage', 'sessionStorage'])
      await page.addInitScript(`Object.defineProperty(window, '${storage}', { get() { throw new Error('denied'); } })`);
    await page.goto(`${url}#token=correct%20horse%20battery`);
    await browserPage.row('a').waitFor();
    await page.keyboard.press('t');
    await browserPage.waitForText('#theme', 'Theme: light');
  });

  it('shows tasks of one path as one row, which the keyboard can pass', async () => {
    const { page } = browserPage;
    const { url } = await inspected([untilCancelled('a'), untilCancelled('a'), untilCancelled('b')]);
    await page.goto(url);
    await browserPage.row('b').waitFor();
    expect(await browserPage.row('a').count()).to.equal(1);
    for (let times = 0; times < 3; times++) await page.keyboard.press('ArrowDown');
    await browserPage.waitForText('.row[aria-current=true]', 'b');
  });

  it('announces the selected task to screen readers, and moves the focus to its details and back', async () => {
    const { page } = browserPage;
    const { url } = await inspected([untilCancelled('a')]);
    await page.goto(url);
    await page.getByRole('button', { name: 'a, running' }).waitFor();
    await page.locator('#stage').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.getByRole('status').filter({ hasText: 'a, running' }).waitFor();
    await page.keyboard.press('Enter');
    const focused = () => browserPage.evaluate<string>('document.activeElement.id');
    expect(await focused()).to.equal('details');
    await page.keyboard.press('Escape');
    expect(await focused()).to.equal('stage');
  });

  it('shows the details of a clicked mark, span or task', async () => {
    const { page } = browserPage;
    let runs = 0;
    const report = cron(
      task('report', () => {
        runs++;
        throw new Error('no <b>disk</b>');
      }),
      30,
    );
    const { url } = await inspected([report, supervise(untilCancelled('worker'))]);
    await page.goto(url);
    await waitForAppStatus('Ready');
    for (let times = 0; times < 4; times++) await page.keyboard.press('+');
    // At this zoom there is a run every few pixels.
    const before = runs;
    await waitUntil(() => runs > before + 15);
    await page.locator('#pause').click();
    await browserPage.clickChartUntil('report', 'Eventslot');
    await browserPage.row('report').click();
    await waitForDetails('Last error in execute');
    await page.locator('#details li', { hasText: 'slot failed' }).first().click();
    await waitForDetails('Eventslot failed');
    await waitForDetails('report failed in execute: no <b>disk</b>');
    await browserPage.clickChartUntil('worker', 'Phaserunning');
    await waitForDetails('From');
    await page.keyboard.press('Escape');
    expect(await page.locator('#details').isVisible()).to.equal(false);
  });

  it('filters tasks, and keeps the groups of matching ones', async () => {
    const { page } = browserPage;
    const { url } = await inspected([
      ordered('shop', untilCancelled('db'), untilCancelled('http')),
      untilCancelled('other'),
    ]);
    await page.goto(url);
    await browserPage.row('other').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('HTTP');
    await browserPage.row('other').waitFor({ state: 'hidden' });
    expect(await browserPage.visibleNames()).to.deep.equal(['shop', 'http']);
    await page.locator('#filter').fill('nothing like it');
    await browserPage.waitForText('#empty', 'No task matches');
  });

  it('is operated by the keyboard', async () => {
    const { page } = browserPage;
    const { url } = await inspected([untilCancelled('a'), untilCancelled('b')]);
    await page.goto(url);
    await browserPage.row('b').waitFor();
    const span = () => page.locator('#span').textContent();
    expect(await span()).to.equal('1 min');
    await page.keyboard.press('+');
    await browserPage.waitForText('#span', '30 s');
    await page.keyboard.press('-');
    await browserPage.waitForText('#span', '1 min');
    await page.keyboard.press('Space');
    await page.locator('#pause[aria-pressed=true]').waitFor();
    await page.keyboard.press('Space');
    await page.locator('#pause[aria-pressed=false]').waitFor();
    await page.keyboard.press('ArrowLeft');
    await page.locator('#pause[aria-pressed=true]').waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await waitForDetails('a');
    expect(await page.locator('.row[aria-current=true]').getAttribute('data-task')).to.equal('a');
  });

  it('shows names and errors as text, never as markup', async () => {
    const { page } = browserPage;
    const evil = `<img src=x onerror="document.title='pwned';alert(1)">`;
    const failing = task(evil, () => {
      throw new Error(`${evil}</script><script>alert(2)</script>`);
    });
    const { url } = await inspected([failing, ordered('"></script><script>alert(3)</script>', untilCancelled(evil))], {
      onFailure: 'continue',
    });
    await page.goto(url);
    await browserPage.waitForText('.row .name', 'onerror');
    await page.locator('.row .name', { hasText: 'onerror' }).first().click();
    await waitForDetails('</script><script>alert(2)</script>');
    await pause(300);
    expect(await page.locator('img').count()).to.equal(0);
    expect(await page.title()).not.to.contain('pwned');
  });

  it('draws only the visible ones of 1,000 tasks, so that a frame costs about as much as with 50', async () => {
    const { page } = browserPage;
    const crons = (count: number) =>
      Array.from({ length: count }, (_, index) =>
        cron(
          task(`task ${index}`, () => timer(1000)),
          6000,
          { startAt: Date.now() + index * 6 },
        ),
      );
    /** Returns the median time of a frame of the page in which it draws everything, in ms. */
    const frameTime = async (count: number) => {
      const { url } = await inspected(crons(count));
      await page.goto(url);
      await browserPage.waitForText('#counts', `${count + 1} tasks`);
      return browserPage.evaluate<number>('measureFrames(60)');
    };
    await page.addInitScript(`
      const request = requestAnimationFrame;
      let times = [];
      window.requestAnimationFrame = (callback) => request((time) => {
        const start = performance.now();
        callback(time);
        times.push(performance.now() - start);
      });
      window.measureFrames = async (count) => {
        times = [];
        while (times.length < count) {
          await new Promise((resolve) => request(resolve));
          // A changed scroll position makes the page draw.
          document.getElementById('stage').scrollTop = (times.length * 7) % 700;
        }
        return times.sort((a, b) => a - b)[Math.floor(count / 2)];
      };
    `);
    const few = await frameTime(50);
    const many = await frameTime(1000);
    expect(await page.locator('.row').count()).to.be.lessThan(60);
    // Drawing every row would cost 20 times as much. Clocks of browsers are rounded to 0.1 ms.
    expect(many).to.be.lessThan(10 * Math.max(few, 0.2));
  });

  it('is readable on a phone', async () => {
    const { page } = browserPage;
    await page.setViewportSize({ width: 375, height: 700 });
    const { url } = await inspected([ordered('shop', untilCancelled('database'), untilCancelled('http'))]);
    await page.goto(url);
    await browserPage.row('shop/http').waitFor();
    expect(await browserPage.evaluate<number>('document.documentElement.scrollWidth')).to.equal(375);
    await browserPage.row('shop/http').click();
    await waitForDetails('running');
  });
});
