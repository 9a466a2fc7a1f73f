import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NEVER, Subject } from 'rxjs';
import { cron, ordered, supervise, task, type AppEvent } from '../../lib/index.js';
import { inspectedApps } from '../helpers/inspected.js';
import { waitUntil } from '../helpers/wait.js';
import { describeWithBrowser } from './browser-page.js';

const token = 'correct horse battery';
const hour = 3_600_000;
const untilCancelled = (name: string) => task(name, () => NEVER);

describeWithBrowser('The details on the page', (browserPage) => {
  const inspected = inspectedApps();
  const waitForDetails = (text: string) => browserPage.waitForText('#details', text);
  const detail = (name: string) => browserPage.page.locator(`#details dt:text-is("${name}") + dd`).textContent();

  it('have the last runs with their durations and outcomes, and the last error with its stack', async () => {
    const { page } = browserPage;
    let runs = 0;
    const report = cron(
      task('report', () => {
        if (++runs % 3 === 0) throw new Error('no <b>disk</b>');
      }),
      hour,
      { immediate: false },
    );
    const { url } = await inspected([report]);
    for (let times = 0; times < 60; times++) await report.trigger();
    await page.goto(url);
    await browserPage.row('report').click();
    await waitForDetails('Last 50 runs');
    expect(await detail('Runs')).to.equal('60, 20 failed');
    expect(await page.locator('#details .summary').textContent()).to.match(/^Median \d.*, 95 % within \d/);
    expect(await page.locator('.sparkline rect').count()).to.equal(50);
    expect(await page.locator('.sparkline rect[data-status=failed]').count()).to.equal(17);
    expect(await page.locator('.sparkline rect title').last().textContent()).to.match(/^\d\d:\d\d:\d\d, \d+.* failed$/);
    const rows = page.locator('#details .runs tbody tr');
    expect(await rows.count()).to.equal(50);
    expect(await rows.first().textContent()).to.match(/^\d\d:\d\d:\d\d\d.* msfailed$/);
    expect(await page.locator('#details pre').textContent()).to.match(
      /^TaskError: report failed in execute: no <b>disk<\/b>\ncaused by: Error: no <b>disk<\/b>\n +at [^]*page-details/,
    );
    await report.trigger();
    await waitForDetails('61, 20 failed');
  });

  it('say what a task waits for until it is ready, and count the runs of a supervised one', async () => {
    const up$ = new Subject<void>();
    const failing = task('failing', () => {
      throw new Error('no');
    });
    const { url } = await inspected([
      ordered('shop', task('db', { initialize: () => up$, execute: () => NEVER }), untilCancelled('http')),
      supervise(failing, { backoff: { initial: hour } }),
    ]);
    await browserPage.page.goto(url);
    const waitsFor = async (path: string) => {
      await browserPage.row(path).click();
      await browserPage.page.locator(`#details h2:text-is("${path}")`).waitFor();
      await waitForDetails('Waits for');
      return detail('Waits for');
    };
    expect(await waitsFor('shop')).to.equal('shop/db (initializing), shop/http (not started yet)');
    expect(await waitsFor('shop/db')).to.equal('its initialize');
    expect(await waitsFor('shop/http')).to.equal('shop/db (initializing)');
    expect(await waitsFor('failing')).to.equal('its restart');
    expect(await detail('Ended runs')).to.equal('1, 1 failed');
    await browserPage.row('shop/http').click();
    up$.complete();
    await browserPage.page.locator('#details dt:text-is("Waits for")').waitFor({ state: 'detached' });
  });

  it('preview the next five runs of another schedule before it can be confirmed', async () => {
    const { page } = browserPage;
    const report = cron(untilCancelled('report'), hour, { immediate: false });
    const events: AppEvent[] = [];
    const observer = (event: AppEvent) => events.push(event);
    const { url } = await inspected([report], { observer }, { actions: true, token });
    await page.goto(`${url}#token=${encodeURIComponent(token)}`);
    await browserPage.row('report').click();
    const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
    const confirm = page.getByRole('button', { name: 'Reschedule', exact: true });
    const previewed = () => page.locator('.reschedule li').allTextContents();
    await press('Reschedule …');
    await page.getByLabel('Schedule').fill('every day');
    await press('Preview');
    await page.getByRole('alert').filter({ hasText: 'Expected `schedule` to be' }).waitFor();
    expect([await confirm.isVisible(), await previewed()]).to.deep.equal([false, []]);
    await page.getByLabel('Schedule').fill('30 4 * * *');
    await page.getByLabel('Time zone').fill('UTC');
    await page.keyboard.press('Enter');
    await confirm.waitFor();
    expect(await previewed()).to.have.length(5);
    for (const run of await previewed()) expect(run).to.match(/^\d{4}-\d\d-\d\d \d\d:\d\d:00$/);
    // Another text needs another preview.
    await page.getByLabel('Time zone').fill('Asia/Tokyo');
    expect([await confirm.isVisible(), await previewed()]).to.deep.equal([false, []]);
    await press('Preview');
    await confirm.click();
    await browserPage.waitForText('.actions', 'Rescheduled');
    expect(report.nextRuns()[0]?.toISOString()).to.match(/T19:30:00.000Z$/);
    await waitUntil(() => events.some((event) => event.type === 'rescheduled' && event.by === 'inspector'));
    await press('Reschedule …');
    expect(await page.getByLabel('Schedule').inputValue()).to.equal('');
    await press('Cancel');
    await page.getByRole('button', { name: 'Trigger' }).waitFor();
  });

  it('and the page work below a path of a proxy, also without a slash at its end', async () => {
    const { page } = browserPage;
    const report = cron(untilCancelled('report'), hour, { immediate: false });
    const { url } = await inspected([report], {}, { actions: true, token });
    const proxy = createServer((request, response) => {
      const { port, hostname } = new URL(url);
      const { method, headers } = request;
      const path = (request.url ?? '').slice('/debug/tasks'.length) || '/';
      const answered = forward({ port, hostname, method, headers, path }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      request.pipe(answered.on('error', () => response.destroy()));
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const base = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/debug/tasks`;
    await page.goto(`${base}#token=${encodeURIComponent(token)}`);
    await browserPage.waitForText('#state', 'Ready');
    expect(page.url()).to.equal(`${base}/`);
    await browserPage.row('report').click();
    await page.getByRole('button', { name: 'Pause schedule' }).click();
    await waitUntil(() => report.paused);
    proxy.close();
    proxy.closeAllConnections();
  });
});
