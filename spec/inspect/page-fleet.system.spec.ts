import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { every, type FleetState } from '../../lib/fleet/index.js';
import { cron, task } from '../../lib/index.js';
import type { FleetStateSource } from '../../lib/inspect/index.js';
import { exampleFleet, exampleQueue } from '../helpers/example-fleet.js';
import { Fleets } from '../helpers/fleet.js';
import { inspectedApps } from '../helpers/inspected.js';
import { pause, waitUntil } from '../helpers/wait.js';
import { describeWithBrowser } from './browser-page.js';

const untilCancelled = (name: string) => task(name, () => NEVER);
const sourceOf = (state: FleetState): FleetStateSource => ({ state: () => Promise.resolve(state) });

describeWithBrowser('The fleet section of the page', (browserPage) => {
  const inspected = inspectedApps();
  const waitForFleet = (text: string) => browserPage.waitForText('#fleet', text);
  /** Returns the cells of a table, row by row. */
  const cellsOf = async (table: string) => {
    const rows = await browserPage.page.locator(`[data-of=${table}] tr`).all();
    return Promise.all(rows.map((row) => row.locator('th, td').allTextContents()));
  };
  const stageHeight = async () => (await browserPage.page.locator('#stage').boundingBox())?.height;

  it('shows members, queues and crons with their problems', async () => {
    const { page } = browserPage;
    const ended = { completed: 20, failed: 1, ms: 10_000 };
    const queues = [
      exampleQueue({ name: 'emails', waiting: 1200, running: 4, oldestMs: 65_000, ended }),
      exampleQueue({ name: 'invoices', dead: 3, paused: { by: 'ann', at: 0 } }),
    ];
    const { url } = await inspected([], {}, { fleet: sourceOf(exampleFleet({ queues })) });
    await page.goto(url);
    await waitForFleet('3 dead, 1 quiet3 members, 2 queues, 2 crons');
    const [, , , quiet] = await cellsOf('members');
    expect(quiet?.[0]).to.equal('worker-2');
    expect(quiet?.[1]).to.match(/^quiet for \d+ min/);
    expect((await cellsOf('members')).slice(0, 3)).to.deep.equal([
      ['Member', 'Last sign of life'],
      ['web-1', 'live'],
      ['worker-1', 'live'],
    ]);
    expect(await cellsOf('queues')).to.deep.equal([
      ['Queue', 'Waiting', 'Running', 'Oldest', 'Per min', 'Failed', 'Dead'],
      ['emails', '1,200', '4', '1 min 5 s', '120', '6', '0'],
      ['invoicespaused', '0', '0', '–', '0', '0', '3'],
    ]);
    expect(await page.locator('[data-of=queues] .bad').allTextContents()).to.deep.equal(['6', '3']);
    await page.getByTitle('20 jobs completed in the last 10 s').waitFor();
    await page.getByTitle('invoices: paused by ann').waitFor();
    const [, cleanup, report] = await cellsOf('crons');
    expect(cleanup?.[1]).to.match(/\d\d:\d\d:\d\d$/);
    expect(cleanup?.[2]).to.equal('worker-1');
    expect(report).to.deep.equal(['shop/report', '2026-01-02 03:04:05', 'none']);
    expect(await page.locator('#fleet .banner').isVisible()).to.equal(false);
  });

  it('shows the crons that are paused in all processes, also those without a slot', async () => {
    const paused = ['shop/report', 'shop/new'].map((task) => ({ task, by: 'ann', at: Date.now() }));
    const { url } = await inspected([], {}, { fleet: sourceOf(exampleFleet({ paused })) });
    await browserPage.page.goto(url);
    await waitForFleet('2 crons, 2 paused');
    expect((await cellsOf('crons')).slice(2)).to.deep.equal([
      ['shop/new', 'none', 'paused by ann'],
      ['shop/report', '2026-01-02 03:04:05', 'paused by ann'],
    ]);
    await browserPage.page
      .getByTitle(/^Paused by ann at \d\d:\d\d:\d\d$/)
      .first()
      .waitFor();
  });

  it('is hidden without a fleet, which is then never requested', async () => {
    const { page } = browserPage;
    const { url } = await inspected([untilCancelled('a')]);
    const requested: string[] = [];
    page.on('request', (request) => requested.push(new URL(request.url()).pathname));
    await page.goto(url);
    await browserPage.row('a').waitFor();
    expect(await page.locator('#fleet').isVisible()).to.equal(false);
    await waitUntil(() => requested.filter((path) => path === '/snapshot').length > 1);
    expect(requested).not.to.include('/fleet');
  });

  it('shows who cancelled the fleet, when and why', async () => {
    const { page } = browserPage;
    const cancelled = { reason: 'release 42', by: 'ops', at: new Date(2026, 0, 2, 3, 4, 5).getTime() };
    const { url } = await inspected([], {}, { fleet: sourceOf(exampleFleet({ cancelled })) });
    await page.goto(url);
    await page.locator('#fleet summary').click();
    await page.getByRole('status').filter({ hasText: 'Cancelled by ops at 2026-01-02 03:04:05: release 42' }).waitFor();
  });

  it('keeps the last state while there is no answer, without changing its height', async () => {
    const { page } = browserPage;
    let fails = false;
    const state = () => (fails ? Promise.reject(new Error('no database')) : Promise.resolve(exampleFleet()));
    const { url } = await inspected([untilCancelled('a')], {}, { fleet: { state } });
    await page.goto(url);
    await waitForFleet('1 quiet');
    const height = await stageHeight();
    fails = true;
    await waitForFleet('No answer since');
    await browserPage.waitForText('#fleet .notice', 'The fleet does not answer: no database');
    await browserPage.waitForText('#fleet .notice', 'This is its last known state, ');
    await browserPage.waitForText('#fleet [data-stale] [data-of=queues]', 'invoices');
    expect(await stageHeight()).to.equal(height);
    // A client that comes now gets it, too.
    await page.reload();
    await waitForFleet('No answer since');
    await browserPage.waitForText('#fleet [data-stale] [data-of=queues]', 'invoices');
    fails = false;
    await waitForFleet('1 quiet');
    expect(await page.locator('#fleet [data-stale]').count()).to.equal(0);
  });

  it('does not delay the rest of the page when the fleet never answers', async () => {
    const { url } = await inspected(
      [untilCancelled('a')],
      {},
      { fleet: { state: () => new Promise(() => undefined) } },
    );
    // The inspector answers after 5 s; both waits begin before the page is loaded.
    const shown = Promise.all([browserPage.row('a').waitFor(), waitForFleet('Loading')]);
    await browserPage.page.goto(url, { waitUntil: 'commit' });
    await shown;
    await waitForFleet('No answer');
  });

  it('shows 50 of many members, those with problems first', async () => {
    const [member] = exampleFleet().members;
    if (!member) throw new Error('The example has no member');
    const members = Array.from({ length: 1000 }, (_, n) => ({ ...member, name: `worker-${n}`, live: n !== 777 }));
    const { url } = await inspected([], {}, { fleet: sourceOf(exampleFleet({ members, crons: [] })) });
    await browserPage.page.goto(url);
    await waitForFleet('1,000 members');
    const names = (await cellsOf('members')).map(([name]) => name);
    expect(names).to.have.length(52);
    expect([names[1], names[2], names[51]]).to.deep.equal(['worker-777', 'worker-0', 'and 950 more']);
    expect((await cellsOf('crons'))[1]).to.deep.equal(['none']);
  });

  it('shows names as text, never as markup', async () => {
    const { page } = browserPage;
    const evil = `<img src=x onerror="document.title='pwned';alert(1)">`;
    const at = Date.now();
    const fleet = sourceOf({
      schema: evil,
      cancelled: { reason: evil, by: evil, at },
      members: [{ name: evil, host: evil, pid: 1, since: at, seen: at, live: false }],
      queues: [exampleQueue({ name: evil, dead: 1 })],
      crons: [{ task: evil, slot: at, holder: evil }],
      paused: [{ task: evil, by: evil, at }],
    });
    const { url } = await inspected([], {}, { fleet });
    await page.goto(url);
    await browserPage.waitForText('[data-of=crons]', evil);
    await pause(300);
    expect(await page.locator('img').count()).to.equal(0);
    expect(await page.title()).not.to.contain('pwned');
  });

  it('is closed and scrolled by the keyboard, and stays closed', async () => {
    const { page } = browserPage;
    const queues = Array.from({ length: 30 }, (_, n) => exampleQueue({ name: `queue-${n}` }));
    const { url } = await inspected([untilCancelled('a')], {}, { fleet: sourceOf(exampleFleet({ queues })) });
    await page.goto(url);
    await waitForFleet('30 queues');
    const isOpen = () => browserPage.evaluate<boolean>('document.querySelector("#fleet details").open');
    expect(await isOpen()).to.equal(true);
    await page.locator('#fleet summary').focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowDown');
    // `waitForFunction` would need `eval`, which the page forbids.
    await waitUntil(() => browserPage.evaluate<boolean>('document.querySelector("#fleet .tables").scrollTop > 0'));
    expect(await page.locator('.row[aria-current=true]').count()).to.equal(0);
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Space');
    expect(await isOpen()).to.equal(false);
    expect(await page.locator('#pause').getAttribute('aria-pressed')).to.equal('false');
    await page.reload();
    await waitForFleet('30 queues');
    expect(await isOpen()).to.equal(false);
  });

  it('is closed at first on a phone, and readable', async () => {
    const { page } = browserPage;
    await page.setViewportSize({ width: 375, height: 700 });
    const { url } = await inspected([untilCancelled('a')], {}, { fleet: sourceOf(exampleFleet()) });
    await page.goto(url);
    await waitForFleet('3 dead');
    expect(await page.locator('[data-of=members]').isVisible()).to.equal(false);
    await page.locator('#fleet summary').click();
    await page.locator('[data-of=members]').waitFor();
    expect(await browserPage.evaluate<number>('document.documentElement.scrollWidth')).to.equal(375);
    expect(await browserPage.evaluate<number>('document.querySelector("#fleet .tables").scrollWidth')).to.equal(375);
    expect(await browserPage.row('a').isVisible()).to.equal(true);
  });

  it('shows a fleet with a database', async () => {
    const { page } = browserPage;
    const fleets = new Fleets();
    try {
      const fleet = await fleets.connect({ name: 'process-1' });
      const squares = fleet.queue<number, number>('squares');
      await squares.enqueue(7);
      const sync = cron(untilCancelled('sync'), every(200), { coordinator: fleet.coordinator });
      const { app, url } = await inspected([sync], {}, { fleet });
      await page.goto(url);
      await browserPage.waitForText('[data-of=members]', 'process-1live');
      await browserPage.waitForText('[data-of=queues]', 'squares');
      await page.locator('[data-of=crons]', { hasText: /sync.*\d\d:\d\d:\d\dprocess-1/ }).waitFor();
      await fleet.cancel('enough');
      await browserPage.waitForText('#fleet .banner', 'enough');
      expect(await page.locator('#fleet .banner').textContent()).to.match(/^Cancelled by process-1 at .*: enough$/);
      await app.stop();
    } finally {
      await fleets.close();
    }
  });
});
