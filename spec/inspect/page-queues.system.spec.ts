import { expect } from 'chai';
import type { AppEvent } from 'rxjs-tasks';
import { UnrecoverableError, type Fleet, type JobState } from 'rxjs-tasks/fleet';
import type { FleetStateSource, InspectorOptions } from '../../lib/inspect/index.js';
import { emptyQueue, exampleFleet, exampleQueue } from '../helpers/example-fleet.js';
import { Fleets } from '../helpers/fleet.js';
import { inspectedApps } from '../helpers/inspected.js';
import { pause, waitUntil } from '../helpers/wait.js';
import { describeWithBrowser } from './browser-page.js';

const hour = 3_600_000;
const token = 'correct horse battery';
const secret = 'ann@example.com';

describeWithBrowser('The page of a queue', (browserPage) => {
  const inspected = inspectedApps();
  const fleets = new Fleets();
  let fleet: Fleet;
  let queues = 0;

  before(async () => {
    fleet = await fleets.connect({ name: 'process-1' });
  });
  after(() => fleets.close());

  const newQueue = async () => {
    const queue = fleet.queue<string>(`mails-${++queues}`, { retries: 0 });
    await queue.remove(await queue.enqueue(''));
    return queue;
  };
  const waitForQueue = (text: string) => browserPage.waitForText('#queue', text);
  const press = (name: string) => browserPage.page.locator('#queue').getByRole('button', { name, exact: true }).click();
  const choose = (state: string) => browserPage.page.locator('#queue select').selectOption(state);
  const openJob = (id: string) => browserPage.page.locator(`#queue [data-job="${id}"]`).click();
  const jobsShown = () =>
    browserPage.evaluate<string[]>(
      '[...document.querySelectorAll("#queue [data-job]")].map(({ dataset }) => dataset.job)',
    );
  /** Opens the page of an application, and on it a queue. Returns the events about its actions. */
  const open = async (
    name: string,
    options: Partial<InspectorOptions> = {},
    ...runners: Parameters<typeof inspected>[0]
  ) => {
    const events: AppEvent[] = [];
    const observer = (event: AppEvent) => events.push(event);
    const { url } = await inspected(runners, { observer }, { fleet, token, ...options });
    await browserPage.page.goto(`${url}#token=${encodeURIComponent(token)}`);
    await browserPage.page.locator(`[data-queue="${name}"]`).click();
    return () => events.flatMap((event) => (event.type === 'operated' ? [`${event.action} by ${event.by}`] : []));
  };

  it('shows the counts of its jobs by state, their age, and how many ended in which time', async () => {
    const state = exampleQueue({
      name: 'emails',
      waiting: 1200,
      delayed: 100,
      blocked: 20,
      retrying: 3,
      running: 4,
      dead: 2,
      oldestMs: 65_000,
      ended: { completed: 500, failed: 2, ms: 30_000 },
      paused: { by: 'ann', at: new Date(2026, 0, 2, 3, 4, 5).getTime() },
    });
    const groups = () => Promise.resolve([{ group: 'acme', waiting: 1000, running: 2 }]);
    const source: FleetStateSource = {
      state: () => Promise.resolve(exampleFleet({ queues: [state] })),
      queue: () => emptyQueue({ groups }),
    };
    await open('emails', { fleet: source });
    await waitForQueue('Paused by ann at 2026-01-02 03:04:05');
    const facts = await browserPage.page.locator('#queue .facts > div').allTextContents();
    expect(facts).to.deep.equal([
      'Waiting1,077',
      'Delayed100',
      'Blocked20',
      'Active4',
      'Retrying3',
      'Dead2',
      'Oldest1 min 5 s',
      'Completed1,000 / min',
      'Failed4 / min',
    ]);
    await waitForQueue('jobs that ended in the last 30 s');
    await browserPage.waitForText('#queue [data-of=groups]', 'acme1,0002');
    // Without actions there are no buttons for them.
    expect(await browserPage.page.locator('#queue .actions button').count()).to.equal(0);
    expect(await browserPage.page.locator('#queue input').isVisible()).to.equal(false);
  });

  it('lists its jobs by state, page by page', async () => {
    const queue = await newQueue();
    const ids = await queue.enqueueMany(Array<string>(60).fill('x'));
    const late = await queue.enqueue('late', { delay: hour });
    await open(queue.name);
    await waitUntil(async () => (await jobsShown()).length === 50);
    const first = await jobsShown();
    await press('Next page');
    await waitUntil(async () => (await jobsShown()).length === 11);
    expect([...first, ...(await jobsShown())]).to.have.members([...ids, late]);
    expect(await browserPage.page.getByRole('button', { name: 'Next page' }).isVisible()).to.equal(false);
    await press('First page');
    await waitUntil(async () => (await jobsShown()).length === 50);
    await choose('delayed');
    await waitUntil(async () => (await jobsShown()).length === 1);
    expect(await jobsShown()).to.deep.equal([late]);
    await choose('failed');
    await waitForQueue('No jobs');
    // A job that comes later is shown, too.
    await choose('delayed');
    await queue.enqueue('later', { delay: hour });
    await waitUntil(async () => (await jobsShown()).length === 2);
  });

  it('hides the data of a job unless the inspector shows them', async () => {
    const queue = await newQueue();
    const id = await queue.enqueue(secret, { key: 'k1', group: 'acme', priority: 7 });
    const worker = queue.worker((to) => {
      throw new UnrecoverableError(`no mailbox ${to}`);
    });
    await open(queue.name, {}, worker);
    await waitUntil(async () => (await queue.job(id))?.state === 'failed');
    await openJob(id);
    await waitForQueue('17 bytes of JSON, hidden');
    await waitForQueue('Its message is hidden.');
    for (const text of ['Statefailed', 'Attempts1', 'Priority7', 'Keyk1', 'Groupacme', 'UnrecoverableError'])
      await waitForQueue(text);
    expect(await browserPage.page.content()).not.to.include('example.com');
    await press('← Jobs');
    await waitUntil(async () => (await jobsShown()).length === 1);
  });

  it('shows the input, the output, the progress and the failure of a job with `showData`', async () => {
    const queue = await newQueue();
    const [done = '', failed = ''] = await queue.enqueueMany(['done', secret]);
    const worker = queue.worker((to, _, job) => {
      job.progress({ step: 3 });
      if (to === secret) throw new UnrecoverableError(`no mailbox ${to}`);
      return { sent: to };
    });
    await open(queue.name, { showData: true }, worker);
    await waitUntil(async () => (await queue.jobs({ state: 'failed' })).length === 1);
    await openJob(failed);
    await browserPage.waitForText('#queue pre', `UnrecoverableError: no mailbox ${secret}`);
    await press('← Jobs');
    await openJob(done);
    await browserPage.waitForText('#queue pre', '"sent": "done"');
  });

  it('pauses and resumes the queue, with the name of the user', async () => {
    const queue = await newQueue();
    const operations = await open(queue.name, { actions: true });
    await browserPage.page.getByLabel('Your name').fill('ann');
    await press('Pause queue');
    await waitForQueue('Paused by ann at ');
    await press('Resume queue');
    await waitForQueue('Resumed');
    await browserPage.page.locator('#queue').getByRole('button', { name: 'Pause queue' }).waitFor();
    expect(operations()).to.deep.equal(['pause-queue by ann', 'resume-queue by ann']);
    await browserPage.page.reload();
    await browserPage.page.locator(`[data-queue="${queue.name}"]`).click();
    expect(await browserPage.page.getByLabel('Your name').inputValue()).to.equal('ann');
  });

  it('promotes, retries and removes a job, and asks before the removal', async () => {
    const queue = await newQueue();
    const id = await queue.enqueue('x', { delay: hour });
    const operations = await open(queue.name, { actions: true });
    await openJob(id);
    await press('Promote');
    await waitForQueue('It may start now');
    await waitForQueue('Statewaiting');
    await queue.cancel(id);
    await waitForQueue('Statecancelled');
    await press('Retry');
    await waitForQueue('Stateretrying');
    await press('Remove …');
    await waitForQueue('Delete this job for good?');
    expect(operations()).to.deep.equal(['promote-job by inspector', 'retry-job by inspector']);
    // The keyboard's focus is on the safe answer.
    await browserPage.page.keyboard.press('Enter');
    expect(await queue.job(id)).not.to.equal(undefined);
    await press('Remove …');
    await press('Remove');
    await waitForQueue(`There is no job ${id}`);
    expect(await queue.job(id)).to.equal(undefined);
    expect(operations()).to.have.length(3);
  });

  it('submits chosen dead letters again, or all, and asks before', async () => {
    const queue = await newQueue();
    let fails = true;
    const worker = queue.worker(() => {
      if (fails) throw new Error('no');
    });
    await queue.enqueueMany(['a', 'b', 'c']);
    const operations = await open(queue.name, { actions: true }, worker);
    await waitUntil(async () => (await queue.deadLetters()).length === 3);
    fails = false;
    await choose('dead-letters');
    await browserPage.page.locator('#queue [type=checkbox]').nth(1).check();
    await press('Redrive 1 chosen …');
    await waitForQueue('Submit 1 dead letter again, as new jobs?');
    await press('Redrive 1 chosen');
    await waitForQueue('1 job submitted again');
    await waitUntil(async () => (await jobsShown()).length === 2);
    await press('Redrive all …');
    await press('Redrive all');
    await waitForQueue('2 submitted again');
    await waitForQueue('No dead letters');
    expect(operations()).to.deep.equal(['redrive by inspector', 'redrive by inspector']);
  });

  it('leaves the focus at the same job and the same queue while their tables change', async () => {
    const { page } = browserPage;
    let waiting = 1;
    const jobOf = (n: number): JobState => ({
      id: String(n).repeat(8),
      state: 'waiting',
      input: n,
      attempt: 0,
      priority: 0,
      createdAt: new Date(0),
    });
    const jobs = () => Promise.resolve(Array.from({ length: waiting }, (_, n) => jobOf(waiting - n)));
    const source: FleetStateSource = {
      state: () => Promise.resolve(exampleFleet({ queues: [exampleQueue({ name: 'emails', waiting })] })),
      queue: () => emptyQueue({ jobs }),
    };
    const focused = () => browserPage.evaluate<object>('({ ...document.activeElement.dataset })');
    await open('emails', { fleet: source });
    await page.locator('#queue [data-job="11111111"]').focus();
    waiting = 2;
    await page.locator('#queue [data-job="22222222"]').waitFor();
    expect(await focused()).to.deep.equal({ job: '11111111' });
    await page.keyboard.press('Escape');
    await page.locator('[data-queue="emails"]:focus').waitFor();
    waiting = 3;
    await page.locator('#fleet td', { hasText: /^3$/ }).waitFor();
    expect(await focused()).to.deep.equal({ queue: 'emails' });
  });

  it('shows why an action was refused', async () => {
    const { page } = browserPage;
    const queue = await newQueue();
    await open(queue.name, { actions: true });
    await page.route('**/actions', (route) =>
      route.fulfill({ status: 503, contentType: 'application/json', body: '{"error":"The fleet does not answer"}' }),
    );
    await press('Pause queue');
    await browserPage.waitForText('#queue .actions .bad', 'The fleet does not answer');
  });

  it('keeps what it shows while there is no answer, and says how old it is', async () => {
    let fails = false;
    const answer = <T>(value: T) => (fails ? Promise.reject(new Error('no database')) : Promise.resolve(value));
    const job: JobState = {
      id: '0'.repeat(8),
      state: 'waiting',
      input: 1,
      attempt: 0,
      priority: 0,
      createdAt: new Date(0),
    };
    const source: FleetStateSource = {
      state: () => answer(exampleFleet()),
      queue: () => emptyQueue({ jobs: () => answer([job]) }),
    };
    await open('emails', { fleet: source });
    await waitUntil(async () => (await jobsShown()).length === 1);
    fails = true;
    await browserPage.waitForText('#queue .jobs .notice', 'The fleet does not answer: no database');
    await waitForQueue('These counts are ');
    expect(await jobsShown()).to.have.length(1);
    fails = false;
    await browserPage.page.locator('#queue .notice', { hasText: 'no database' }).first().waitFor({ state: 'hidden' });
  });

  it('shows names, groups, keys and data as text, never as markup', async () => {
    const { page } = browserPage;
    const evil = `<img src=x onerror="document.title='pwned';alert(1)">`;
    const job: JobState = {
      id: '00000000-0000-4000-8000-000000000001',
      state: 'failed',
      input: { [evil]: evil },
      output: evil,
      progress: evil,
      failure: { name: evil, message: evil },
      attempt: 1,
      priority: 0,
      key: evil,
      group: evil,
      createdAt: new Date(0),
    };
    const source: FleetStateSource = {
      state: () => Promise.resolve(exampleFleet({ queues: [exampleQueue({ paused: { by: evil, at: 0 }, dead: 1 })] })),
      queue: () =>
        emptyQueue({
          job: () => Promise.resolve(job),
          jobs: () => Promise.resolve([job]),
          groups: () => Promise.resolve([{ group: evil, waiting: 1, running: 1 }]),
          deadLetters: () =>
            Promise.resolve([
              { id: job.id, job: job.id, input: evil, failure: { name: evil, message: evil }, at: new Date(0) },
            ]),
        }),
    };
    await open('emails', { fleet: source, showData: true, actions: true });
    await browserPage.waitForText('#queue [data-of=groups]', evil);
    await browserPage.waitForText('#queue [data-of=jobs]', evil);
    await openJob(job.id);
    await browserPage.waitForText('#queue pre', evil);
    await press('← Jobs');
    await choose('dead-letters');
    await browserPage.waitForText('#queue [data-of=dead-letters]', evil);
    await pause(300);
    expect(await page.locator('img').count()).to.equal(0);
    expect(await page.title()).not.to.contain('pwned');
  });

  it('is opened and closed by the keyboard, and keeps its keys from the page behind it', async () => {
    const { page } = browserPage;
    const queue = await newQueue();
    await queue.enqueue('x');
    await open(queue.name, { actions: true });
    await waitUntil(async () => (await jobsShown()).length === 1);
    await page.locator('#queue [data-job]').focus();
    await page.keyboard.press('t');
    await page.keyboard.press('Enter');
    await waitForQueue('Statewaiting');
    await page.keyboard.press('Escape');
    await page.locator('#queue').waitFor({ state: 'hidden' });
    expect(await page.locator('#theme').textContent()).to.equal('Theme: system');
    await page.locator(`[data-queue="${queue.name}"]`).focus();
    await page.keyboard.press('Enter');
    await page.locator('#queue').waitFor();
    await press('Close queue');
    await page.locator('#queue').waitFor({ state: 'hidden' });
  });

  for (const colorScheme of ['light', 'dark'] as const)
    it(`fits a phone, with everything readable (${colorScheme})`, async () => {
      const { page } = browserPage;
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 375, height: 700 });
      const name = 'a-queue-with-a-name-that-is-much-too-long-for-a-phone-'.repeat(2).slice(0, 100);
      const source: FleetStateSource = {
        state: () =>
          Promise.resolve(
            exampleFleet({ queues: [exampleQueue({ name, dead: 1, paused: { by: 'x'.repeat(200), at: 0 } })] }),
          ),
        queue: () =>
          emptyQueue({ groups: () => Promise.resolve([{ group: 'g'.repeat(200), waiting: 1e6, running: 1e6 }]) }),
      };
      const { url } = await inspected([], {}, { fleet: source, token, actions: true });
      await page.goto(`${url}#token=${encodeURIComponent(token)}`);
      await browserPage.waitForText('#fleet', '1 queue');
      await page.locator('#fleet summary').click();
      await page.locator('[data-queue]').click();
      await browserPage.waitForText('#queue [data-of=groups]', '1,000,000');
      const widths = await browserPage.evaluate<number[]>(
        '[document.documentElement, document.querySelector("#queue")].map((each) => each.scrollWidth)',
      );
      expect(widths).to.deep.equal([375, 375]);
      for (const button of ['Resume queue', 'Redrive all …', 'Close queue']) {
        const box = await page.getByRole('button', { name: button }).boundingBox();
        expect((box?.x ?? 375) + (box?.width ?? 0), button).to.be.at.most(375);
      }
      // Dark text on a light background, or the other way round.
      const brightnessOf = (property: string) =>
        browserPage.evaluate<number>(
          `Number(/\\d+/.exec(getComputedStyle(document.querySelector('#queue')).${property})[0])`,
        );
      const [text, background] = [await brightnessOf('color'), await brightnessOf('backgroundColor')];
      expect(Math.sign(background - text)).to.equal(colorScheme === 'light' ? 1 : -1);
    });
});
