import { expect } from 'chai';
import { NEVER, Subject } from 'rxjs';
import { cron, dynamic, ordered, supervise, task, type AppEvent } from '../../lib/index.js';
import { inspectedApps } from '../helpers/inspected.js';
import { waitUntil } from '../helpers/wait.js';
import { describeWithBrowser } from './browser-page.js';

const token = 'correct horse battery';
const hour = 3_600_000;
const untilCancelled = (name: string) => task(name, () => NEVER);

describeWithBrowser('The page of an application that is operated', (browserPage) => {
  const inspected = inspectedApps();
  const waitForDetails = (text: string) => browserPage.waitForText('#details', text);
  /** Returns a value of the details by its name. */
  const detail = (name: string) => browserPage.page.locator(`#details dt:text-is("${name}") + dd`).textContent();
  const buttons = () => browserPage.page.locator('#details .actions button').allTextContents();
  const press = (name: string) => browserPage.page.getByRole('button', { name, exact: true }).click();

  /** Opens the page of an application that has a task of each kind with actions. */
  const open = async (actions: boolean) => {
    let runs = 0;
    const report = cron(
      task('report', () => {
        if (++runs === 2) throw new Error('no disk');
      }),
      hour,
      { immediate: false },
    );
    const tenants = dynamic('tenants');
    const events: AppEvent[] = [];
    const { url } = await inspected(
      [ordered('shop', supervise(untilCancelled('worker')), tenants), report],
      { observer: (event) => events.push(event) },
      { actions, token },
    );
    tenants.add('acme', untilCancelled('sync'));
    tenants.add('b.example', untilCancelled('sync'));
    const typesOf = (path: string) =>
      events.flatMap((event) => ('task' in event && event.task === path ? event.type : []));
    await browserPage.page.goto(`${url}#token=${encodeURIComponent(token)}`);
    await browserPage.waitForText('#state', 'Ready');
    return { report, tenants, events, typesOf, url };
  };

  it('names the tasks that readiness waits for, until it is ready', async () => {
    const { page } = browserPage;
    const up$ = new Subject<void>();
    const slow = Array.from({ length: 7 }, (_, n) =>
      task(`slow-${n}`, { initialize: () => up$, execute: () => NEVER }),
    );
    const { url } = await inspected(slow);
    await page.goto(url);
    await browserPage.waitForText('#waiting', 'waits for slow-0, slow-1, slow-2, slow-3 and 3 more');
    expect(await page.locator('#waiting').getAttribute('title')).to.match(/^slow-0\n.*\nslow-6$/s);
    await page.setViewportSize({ width: 375, height: 700 });
    expect(await browserPage.evaluate<number>('document.documentElement.scrollWidth')).to.equal(375);
    up$.complete();
    await page.locator('#waiting').waitFor({ state: 'hidden' });
    await browserPage.waitForText('#state', 'Ready');
  });

  it('shows the pause and the history of a cron in its row and in its details', async () => {
    const { report } = await open(false);
    await report.trigger();
    await report.trigger();
    report.pause({ by: 'ops' });
    await browserPage.waitForText('.row[data-task=report] .note', '✗ 1 · paused');
    expect(await browserPage.row('report').getAttribute('title')).to.equal('report: running, paused, 2 runs, 1 failed');
    await browserPage.row('report').click();
    await waitForDetails('Schedulepaused');
    expect(await detail('Runs')).to.equal('2, 1 failed');
    expect(await detail('Running now')).to.equal('none');
    expect(await detail('Last run')).to.match(/^\d\d:\d\d:\d\d, failed, triggered, took /);
    await browserPage.page.locator('#details li', { hasText: 'paused' }).click();
    await waitForDetails('Byops');
    report.resume();
    await browserPage.waitForText('.row[data-task=report] .note', '✗ 1 · in ');
  });

  it('shows the runs of a cron that are running now, and what it has skipped', async () => {
    const long = cron(untilCancelled('long'), hour, { immediate: false, overlap: 'skip' });
    const { url } = await inspected([long]);
    void long.trigger();
    await long.trigger();
    await browserPage.page.goto(url);
    await browserPage.waitForText('.row[data-task=long] .note', '1 run · in ');
    await browserPage.row('long').click();
    await waitForDetails('Running now1 run');
    expect(await detail('Skipped')).to.equal('1 slot');
  });

  it('shows the members of a dynamic group under their keys, as they come and go', async () => {
    const { tenants } = await open(false);
    await browserPage.row('shop/tenants/acme').waitFor();
    expect(await browserPage.visibleNames()).to.deep.equal([
      'inspector',
      'shop',
      'worker',
      'tenants',
      'acme',
      'b.example',
      'report',
    ]);
    await tenants.remove('acme', { by: 'ops' });
    await browserPage.waitForStatus('shop/tenants/acme', 'cancelled');
    tenants.add('c', untilCancelled('sync'));
    await browserPage.waitForStatus('shop/tenants/c', 'running');
    await browserPage.row('shop/tenants').click();
    await waitForDetails('added c');
    await browserPage.page.locator('#details li', { hasText: 'removed acme' }).click();
    await waitForDetails('Byops');
  });

  it('has no buttons unless the inspector has actions', async () => {
    await open(false);
    for (const task of ['report', 'shop/worker', 'shop/tenants/acme']) {
      await browserPage.row(task).click();
      await waitForDetails(task);
      expect(await buttons(), task).to.deep.equal([]);
    }
  });

  it('pauses, triggers and resumes a cron by its buttons, and shows the events', async () => {
    const { report, typesOf } = await open(true);
    await browserPage.row('report').click();
    await waitForDetails('Trigger');
    expect(await buttons()).to.deep.equal(['Trigger', 'Pause schedule', 'Reschedule …']);
    await press('Pause schedule');
    await waitForDetails('Schedulepaused');
    await browserPage.page.locator('#details li', { hasText: 'paused' }).waitFor();
    expect(report.paused).to.equal(true);
    await press('Trigger');
    await waitUntil(() => report.history.runs === 1);
    await browserPage.page.locator('#details li', { hasText: 'triggered' }).waitFor();
    await press('Resume schedule');
    await browserPage.page.locator('#details li', { hasText: 'resumed' }).waitFor();
    expect(typesOf('report').filter((type) => type !== 'slot-started' && type !== 'ready')).to.deep.equal([
      'paused',
      'triggered',
      'resumed',
    ]);
  });

  it('performs each action in the name that the user has given, also after a reload', async () => {
    const { page } = browserPage;
    const { events } = await open(true);
    const asked = () => events.flatMap((event) => ('by' in event ? `${event.type} by ${event.by}` : []));
    await browserPage.row('report').click();
    await press('Trigger');
    await waitUntil(() => asked().length === 1);
    await page.locator('#details .operator-name').fill(' ann ');
    await press('Pause schedule');
    await waitUntil(() => asked().length === 2);
    await page.reload();
    await browserPage.row('report').click();
    expect(await page.locator('#details .operator-name').inputValue()).to.equal('ann');
    await press('Reschedule …');
    await page.getByLabel('Schedule', { exact: true }).fill('0 3 * * *');
    await press('Preview');
    await press('Reschedule');
    await waitUntil(() => asked().length === 3);
    expect(asked()).to.deep.equal(['triggered by inspector', 'paused by ann', 'rescheduled by ann']);
  });

  it('asks before it restarts or removes a task', async () => {
    const { page } = browserPage;
    const { tenants, typesOf } = await open(true);
    await browserPage.row('shop/worker').click();
    await press('Restart …');
    await browserPage.waitForText('.actions', 'End the current run, and start the next?');
    expect(await buttons()).to.deep.equal(['Restart', 'Cancel']);
    // The keyboard's focus is on the safe answer.
    await page.keyboard.press('Enter');
    expect(await buttons()).to.deep.equal(['Restart …']);
    await press('Restart …');
    // The question is about the selected task alone.
    await browserPage.row('shop/tenants/acme').click();
    await browserPage.row('shop/worker').click();
    expect(await buttons()).to.deep.equal(['Restart …']);
    expect(typesOf('shop/worker')).to.deep.equal(['ready']);
    await press('Restart …');
    await press('Restart');
    await browserPage.waitForText('.actions', 'Restarting');
    await waitUntil(() => typesOf('shop/worker').filter((type) => type === 'ready').length === 2);

    await browserPage.row('shop/tenants/acme').click();
    await press('Remove …');
    await press('Remove');
    await browserPage.waitForStatus('shop/tenants/acme', 'cancelled');
    expect(tenants.keys).to.deep.equal(['b.example']);
    expect(typesOf('shop/tenants')).to.include('removed');
  });

  it('shows why an action was refused', async () => {
    const { page } = browserPage;
    await open(true);
    await browserPage.row('report').click();
    await page.route('**/actions', (route) =>
      route.fulfill({ status: 409, contentType: 'application/json', body: '{"error":"report is not running"}' }),
    );
    await press('Trigger');
    await browserPage.waitForText('.actions .bad', 'report is not running');
    await page.unroute('**/actions');
    await page.route('**/actions', (route) => route.abort());
    await press('Trigger');
    await browserPage.waitForText('.actions .bad', 'The inspector does not answer');
  });
});
