import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import { NotRunningError, snapshot, type AppEvent, type SlotOutcome } from '../../lib/index.js';
import { explore, scenario, script, type Scenario } from '../../lib/testing/index.js';
import { composeShop, controlsOf, outcomesIn, type ShopControls } from '../helpers/operators-day.js';
import { rejectionOf } from '../helpers/rejection.js';

const by = 'operator';
/** The two tasks that take time to start and to end. */
const slow: Readonly<Record<string, string>> = { db: '[-->(!])-|', http: '[>(!])|' };
const sync = () => script('sync', '[>(!])|');

const run: Scenario['run'] = () => [
  composeShop({
    task: (name) => script(name, slow[name] ?? '>(!|)'),
    report: script('report', '4ms (r|)'),
    reportPeriod: 100,
    cleanup: script('cleanup', '(c|)'),
    cleanupPeriod: 40,
  }),
];

/** Does what the operator does in a day, and returns the outcomes of the runs that were triggered. */
async function work({ report, cleanup, tenants, mail }: ShopControls): Promise<SlotOutcome[]> {
  await delay(20);
  const first = report.trigger({ by });
  await delay(2);
  const second = report.trigger({ by });
  const outcomes = await Promise.all([first, second]);

  await delay(6);
  cleanup.pause({ by });
  await delay(60);
  cleanup.reschedule(20, { by });
  await delay(25);
  cleanup.resume({ by });

  await delay(5);
  tenants.add('acme', sync(), { by });
  tenants.add('bolt', script('sync', '[>(!])--|'), { by });
  await delay(3);
  await tenants.replace('acme', sync(), { by });
  await tenants.remove('bolt', { by });

  await delay(3);
  await mail.restart();
  return outcomes;
}

/** Returns the events that the operator has asked for: their times, tasks and types. */
function askedFor(events: readonly AppEvent[]): string[] {
  return events.flatMap((event) =>
    'by' in event ? `${event.at} ${event.task} ${event.type}${'key' in event ? ` ${event.key}` : ''}` : [],
  );
}

describe("An operator's day in virtual time", () => {
  it('runs, pauses, moves, adds, replaces, removes and restarts what was asked for, and nothing else', async () => {
    let outcomes: SlotOutcome[] = [];
    const { events } = await scenario({
      run,
      during: async ({ app }) => {
        outcomes = await work(controlsOf(app));
      },
      signals: '145ms T',
      // A trigger is ^, a pause ,, a new schedule @, a resume &, what is added { and what is removed ;.
      expect: `
        signals       ---- 16ms -   --   -------- 59ms - 12ms -------------    14ms -    14ms T
        shop/report   ---> 16ms (^+)-(^/)-r------ 59ms - 12ms +---r--------    14ms -    14ms -   -(!|)
        shop/cleanup  ---> 16ms -   --   -------, 59ms @ 12ms ------------(&%) 14ms (+c) 14ms -   -(!|)

        shop/workers/mail  --->   - 115ms -   ---   -   -----("!<>) 14ms --   (!|)
        shop/tenants       ---([>)- 115ms ({{)--;   ({;)------     14ms -!   |
        shop/tenants/acme  ----   - 115ms [   >-(!])(|[)>-----     14ms -(!])|
        shop/tenants/bolt  ----   - 115ms [   >--   (!])--|
        readiness          ----   > 115ms -   ---   -   -----(<>)  14ms <

        shop                 [---   > 125ms > 14ms !   -   -   -|
        shop/db              [-->   - 125ms - 14ms -   -   (!])-|
        shop/cache           --->   - 125ms - 14ms -   -   (!|)
        shop/broker          --->   - 125ms - 14ms -   -   (!|)
        shop/workers         ---([>)- 125ms > 14ms -   -   (!|)
        shop/workers/stock   --->   - 125ms - 14ms -   -   (!|)
        shop/workers/search  --->   - 125ms - 14ms -   -   (!|)
        shop/workers/audit   --->   - 125ms - 14ms -   -   (!|)
        shop/metrics         --->   - 125ms - 14ms -   -   (!|)
        shop/gateway         --->   - 125ms - 14ms -   (!|)
        shop/http            ---[   > 125ms - 14ms (!])|
        application          ----   - 125ms - 14ms !   -   -   -|
      `,
    });
    expect(outcomes.map(({ slot, trigger, status, reason }) => [slot, trigger, status, reason])).to.deep.equal([
      [20, 'manual', 'completed', undefined],
      [22, 'manual', 'skipped', 'overlap'],
    ]);
    expect(askedFor(events)).to.deep.equal([
      '20 shop/report triggered',
      '22 shop/report triggered',
      '30 shop/cleanup paused',
      '90 shop/cleanup rescheduled',
      '115 shop/cleanup resumed',
      '120 shop/tenants added acme',
      '120 shop/tenants added bolt',
      '123 shop/tenants removed acme',
      '124 shop/tenants added acme',
      '124 shop/tenants removed bolt',
    ]);
  });

  it('is in the report, which is clean, and exits with 0', async () => {
    const { report, exitCode } = await scenario({
      run,
      during: ({ app }) => work(controlsOf(app)),
      signals: '145ms T',
    });
    expect(exitCode).to.equal(0);
    expect(String(report)).to.match(/^Stopped by SignalError: Received SIGTERM\. Clean, in 4 ms\.$/m);
    expect(outcomesIn(String(report))).to.deep.equal([
      'shop: cancelled',
      'shop/db: cancelled',
      'shop/cache: cancelled',
      'shop/broker: cancelled',
      'shop/workers: cancelled',
      'shop/workers/mail: cancelled, restarts 1',
      'shop/workers/stock: cancelled',
      'shop/workers/search: cancelled',
      'shop/workers/audit: cancelled',
      'shop/metrics: cancelled, optional',
      'shop/report: cancelled, runs 2, skipped 1',
      'shop/cleanup: cancelled, runs 1, missed 3',
      'shop/tenants: cancelled, children 3',
      'shop/tenants/acme: cancelled',
      'shop/gateway: cancelled',
      'shop/http: cancelled',
    ]);
  });

  it('shows at each step what comes next, and refuses what comes too late', async () => {
    const steps: unknown[] = [];
    let refusal: unknown;
    await scenario({
      run,
      during: async ({ app }) => {
        const { report, cleanup, tenants } = controlsOf(app);
        const note = () =>
          steps.push([cleanup.paused, cleanup.nextRuns(2).map((next) => next.getTime()), cleanup.history.missed]);
        await delay(20);
        note();
        cleanup.pause();
        await delay(40);
        note();
        cleanup.reschedule(20);
        note();
        cleanup.resume();
        note();
        tenants.add('acme', sync());
        const { members = [] } = snapshot(app.runners[0] ?? expect.fail());
        steps.push(members.filter(({ name }) => name === 'tenants').flatMap(({ members: keys = [] }) => keys));
        await app.stop();
        refusal = await rejectionOf(report.trigger());
      },
    });
    expect(steps.slice(0, 4)).to.deep.equal([
      [false, [43, 83], 0],
      [true, [], 0],
      [true, [], 0],
      [false, [80, 100], 1],
    ]);
    expect(steps[4]).to.deep.equal([{ name: 'acme', status: 'initializing', restarts: 0, since: 60 }]);
    expect(refusal).to.be.instanceOf(NotRunningError);
  });

  it('is the same in each order of simultaneous events', async () => {
    await explore(
      {
        run,
        during: ({ app }) => work(controlsOf(app)),
        signals: '145ms T',
        check: ({ report }) => expect(report?.clean).to.equal(true),
      },
      { runs: 50 },
    );
  });
});
