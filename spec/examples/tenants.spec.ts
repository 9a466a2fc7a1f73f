import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import type { AppEvent, Application, CronRunner } from 'rxjs-tasks';
import { scenario, script, type ScenarioResult } from 'rxjs-tasks/testing';
import { composeSaas } from '../../examples/tenants/saas.js';
import type { TenantRow, TenantTable } from '../../examples/tenants/table.js';

const acme: TenantRow = { id: 'acme', region: 'eu', schedule: '*/2 * * * * *', timezone: 'UTC', paused: false };
const bolt: TenantRow = { ...acme, id: 'bolt', schedule: '0 12 * * *' };

/** A table in memory, which a test edits. */
class MemoryTable implements TenantTable {
  private current: readonly TenantRow[] = [acme];
  private failure: Error | undefined = undefined;
  private nextPollMs = 0;

  async rows(): Promise<readonly TenantRow[]> {
    if (this.failure) throw this.failure;
    const { current, nextPollMs } = this;
    this.nextPollMs = 0;
    await delay(nextPollMs);
    return current;
  }

  /** Lets the next poll take some ms. */
  delayPoll(ms: number): void {
    this.nextPollMs = ms;
  }

  set(...rows: TenantRow[]): void {
    this.current = rows;
    this.failure = undefined;
  }

  fail(failure: Error): void {
    this.failure = failure;
  }
}

interface Edits {
  readonly table: MemoryTable;
  readonly app: Application;
}

interface Case {
  readonly edit: (edits: Edits) => Promise<void>;
  readonly expected?: string;
  /** The time that an import takes. */
  readonly importMs?: number;
}

/** Runs the application on a table that it reads each second, stops it after the edits, and returns its lines, too. */
async function runCase({ edit, expected = '', importMs = 0 }: Case): Promise<ScenarioResult & { lines: string[] }> {
  const lines: string[] = [];
  const table = new MemoryTable();
  const result = await scenario({
    run: () => {
      let imports = 0;
      const { runner, lines$ } = composeSaas({
        database: script('database', '[-->(!])-|'),
        table,
        importData: (_, signal) => delay(importMs, ++imports, { signal }),
        http: script('http', '>(!|)'),
        pollMs: 1000,
      });
      lines$.subscribe((line) => lines.push(line));
      return [runner];
    },
    // At midnight UTC it is nine in Tokyo.
    at: '2026-06-01T23:59:50Z',
    during: async ({ app }) => {
      await edit({ table, app });
      await app.stop();
    },
    expect: expected,
  });
  expect(result.report?.clean).to.equal(true);
  return { ...result, lines };
}

/** Returns the events that the table has caused. */
function changesIn(events: readonly AppEvent[]): string[] {
  return events.flatMap((event) => ('by' in event ? `${event.task} ${event.type}` : []));
}

const importsOf = (app: Application, id: string) =>
  (app.runner(`saas/tenants/${id}/import`) ?? expect.fail(`${id} does not run`)) as CronRunner;

describe('The tenants example in virtual time', () => {
  it('does not change a tenant by rows that are read too late', async () => {
    const { events } = await runCase({
      edit: async ({ table }) => {
        await delay(1500);
        table.delayPoll(15_000);
        await delay(5000);
        table.set();
        await delay(20_000);
      },
    });
    expect(changesIn(events)).to.deep.equal(['saas/tenants added', 'saas/tenants removed']);
  });

  it('adds a tenant for each new row, with its own connection and schedule, and removes it with its row', async () => {
    const { lines } = await runCase({
      edit: async ({ table }) => {
        await delay(500);
        table.set(acme, bolt);
        await delay(2000);
        table.set(bolt);
        await delay(2000);
      },
      expected: `
        saas/tenants                  ---([>{) 999ms { 1.999s ; 1.496s ! 19ms |
        saas/tenants/acme             ---[ 19ms > 2.979s ! 19ms |
        saas/tenants/acme/connection  ---[ 19ms > 2.979s (!]) 19ms |
        saas/tenants/acme/import      ---- 19ms > 1.976s (+_) 1.002s (!|)
        saas/tenants/bolt             1.003s [ 19ms > 3.476s ! 19ms |
      `,
    });
    expect(lines).to.deep.equal(['acme is added', 'bolt is added', 'acme in eu: import 1', 'acme is removed']);
  });

  it('changes the schedule of a tenant whose row changes, without a new connection', async () => {
    const { lines, events } = await runCase({
      edit: async ({ table }) => {
        await delay(500);
        table.set({ ...acme, schedule: '0 9 * * *' });
        await delay(3000);
        table.set({ ...acme, schedule: '0 9 * * *', timezone: 'Asia/Tokyo' });
        await delay(9000);
      },
      expected: `
        saas/tenants/acme/connection  ---[ 19ms > 979ms - 2.999s - 5.996s -    2.499s (!]) 19ms |
        saas/tenants/acme/import      ---- 19ms > 979ms @ 2.999s @ 5.996s (+_) 2.499s (!|)
      `,
    });
    expect(lines).to.deep.equal([
      'acme is added',
      'acme is rescheduled to 0 9 * * *, UTC',
      'acme is rescheduled to 0 9 * * *, Asia/Tokyo',
      'acme in eu: import 1',
    ]);
    expect(changesIn(events)).to.deep.equal([
      'saas/tenants added',
      'saas/tenants/acme/import rescheduled',
      'saas/tenants/acme/import rescheduled',
    ]);
  });

  it('pauses and resumes the imports of a tenant, and nothing else of it', async () => {
    const { lines } = await runCase({
      edit: async ({ table }) => {
        await delay(500);
        table.set({ ...acme, paused: true });
        await delay(5000);
        table.set(acme);
        await delay(3000);
      },
      expected: `
        saas/tenants/acme/connection  ---[ 19ms > 979ms - 4.999s -    1.996s -    499ms (!]) 19ms |
        saas/tenants/acme/import      ---- 19ms > 979ms , 4.999s (&%) 1.996s (+_) 499ms (!|)
      `,
    });
    expect(lines).to.deep.equal(['acme is added', 'acme is paused', 'acme is resumed', 'acme in eu: import 1']);
  });

  it('keeps a tenant paused that starts paused', async () => {
    const { lines } = await runCase({
      edit: async ({ table, app }) => {
        table.set({ ...acme, paused: true });
        await delay(5000);
        expect(importsOf(app, 'acme').nextRuns()).to.deep.equal([]);
        expect((await importsOf(app, 'acme').trigger()).status).to.equal('completed');
      },
    });
    expect(lines).to.deep.equal(['acme is added', 'acme in eu: import 1']);
  });

  it('replaces a tenant that needs another connection, when the old one has ended', async () => {
    const { lines } = await runCase({
      edit: async ({ table }) => {
        await delay(500);
        table.set({ ...acme, region: 'us' });
        await delay(3000);
      },
      expected: `
        saas/tenants                  ---([>{) 999ms ; 19ms { 2.476s ! 19ms |
        saas/tenants/acme/connection  ---[ 19ms > 979ms (!]) 19ms (|[) 19ms > 2.456s (!]) 19ms |
      `,
    });
    expect(lines).to.deep.equal(['acme is added', 'acme is replaced, now in us', 'acme in us: import 1']);
  });

  it('starts a tenant that is removed and added again while its import runs after the end of that import', async () => {
    const { lines } = await runCase({
      importMs: 3000,
      edit: async ({ table }) => {
        await delay(2500);
        table.set();
        await delay(1000);
        table.set(acme);
        await delay(1000);
      },
    });
    expect(lines).to.deep.equal(['acme is added', 'acme is removed', 'acme is added']);
  });

  it('refuses a wrong row once, and goes on by the last good one', async () => {
    const wrong = { ...acme, schedule: 'every day' };
    const { lines } = await runCase({
      edit: async ({ table }) => {
        await delay(500);
        table.set(wrong, { ...bolt, timezone: 'Mars' });
        await delay(2000);
        table.set({ ...acme, schedule: '*/1 * * * * *' });
        await delay(2000);
      },
    });
    expect(lines.map((line) => line.replace(/ to be .*/, ''))).to.deep.equal([
      'acme is added',
      'acme is refused: Expected `schedule`',
      'bolt is refused: Expected `timezone`',
      'acme in eu: import 1',
      'acme is rescheduled to */1 * * * * *, UTC',
      'acme in eu: import 2',
    ]);
  });

  it('goes on while the table cannot be read', async () => {
    const { lines, events } = await runCase({
      edit: async ({ table }) => {
        await delay(500);
        table.fail(new Error('connection lost'));
        await delay(3000);
        table.set(acme, bolt);
        await delay(1000);
      },
    });
    expect(lines).to.deep.equal(['acme is added', 'acme in eu: import 1', 'acme in eu: import 2', 'bolt is added']);
    expect(events.filter(({ type }) => type === 'slot-failed')).to.have.length(3);
  });

  it('runs an import on request, between the slots of its schedule', async () => {
    const { lines } = await runCase({
      edit: async ({ app }) => {
        await delay(500);
        expect(await importsOf(app, 'acme').trigger({ by: 'api' })).to.include({ trigger: 'manual' });
        expect(importsOf(app, 'acme').history.runs).to.equal(1);
      },
    });
    expect(lines).to.deep.equal(['acme is added', 'acme in eu: import 1']);
  });
});
