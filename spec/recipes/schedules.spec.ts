import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import { supervise, task, type AppEvent, type Application, type CronRunner } from 'rxjs-tasks';
import { scenario } from 'rxjs-tasks/testing';
import { schedules, type ScheduleRow } from '../../examples/recipes/schedules.js';

const acme: ScheduleRow = { id: 'acme', schedule: '*/2 * * * * *', timezone: 'UTC', paused: false, input: 'mails' };
const bolt: ScheduleRow = { ...acme, id: 'bolt', schedule: '0 12 * * *' };

interface Table {
  rows: readonly ScheduleRow[];
  failure?: Error | undefined;
  /** The time that the next poll takes, whatever its signal says. */
  pollMs?: number;
}

interface Case {
  readonly edit: (table: Table, app: Application) => Promise<void>;
  /** The time that a job takes. */
  readonly jobMs?: number;
  /** The rows at the start. Default: that of acme. */
  readonly rows?: readonly ScheduleRow[];
}

/** The events that the table has caused, the values of jobs with their seconds, and the messages of failed polls. */
interface CaseResult {
  changes: string[];
  done: string[];
  refused: string[];
  events: readonly AppEvent[];
}

/** Runs crons by a table that is read each second, stops them after the edits, and returns what has happened. */
async function runCase({ edit, jobMs = 0, rows = [acme] }: Case): Promise<CaseResult> {
  const done: string[] = [];
  const table: Table = { rows };
  const { events } = await scenario({
    run: () => {
      const runner = schedules<void>('cleanup', {
        read: async () => {
          if (table.failure) throw table.failure;
          const { rows, pollMs = 0 } = table;
          table.pollMs = 0;
          await delay(pollMs);
          return rows;
        },
        jobOf: ({ id, input }) =>
          task('job', async ({ signal }) => {
            await delay(jobMs, undefined, { signal });
            done.push(`${id} ${String(input)} ${new Date().getUTCSeconds()}`);
          }),
        pollMs: 1000,
      });
      return [supervise(runner)];
    },
    // At midnight UTC it is nine in Tokyo.
    at: '2026-06-01T23:59:49.500Z',
    during: async ({ app }) => {
      await edit(table, app);
      await app.stop();
    },
  });
  return {
    events,
    done,
    changes: events.flatMap((event) => ('by' in event && event.by === 'table' ? `${event.task} ${event.type}` : [])),
    refused: events.flatMap((event) => (event.type === 'slot-failed' ? event.error.message : [])),
  };
}

const cronOf = (app: Application, id: string) =>
  (app.runner(`cleanup/jobs/${id}`) ?? expect.fail(`${id} does not run`)) as CronRunner;

describe('Crons that follow a table', () => {
  it('run by their rows', async () => {
    const { done, changes, refused } = await runCase({ rows: [acme, bolt], edit: () => delay(5000) });
    expect(changes).to.deep.equal(['cleanup/jobs added', 'cleanup/jobs added']);
    expect(done).to.deep.equal(['acme mails 50', 'acme mails 52', 'acme mails 54']);
    expect(refused).to.deep.equal([]);
  });

  it('do not change by rows that are read too late', async () => {
    const { changes, refused } = await runCase({
      edit: async (table) => {
        table.pollMs = 15_000;
        await delay(5000);
        table.rows = [];
        await delay(20_000);
      },
    });
    expect(changes).to.deep.equal(['cleanup/jobs added', 'cleanup/jobs removed']);
    expect(refused).to.deep.equal(['cleanup/poll failed in execute: Not done within 10000 ms']);
  });

  it('are added and removed with their rows', async () => {
    const { changes, done } = await runCase({
      edit: async (table) => {
        await delay(1500);
        table.rows = [];
        await delay(5000);
        table.rows = [acme];
        await delay(2100);
      },
    });
    expect(changes).to.deep.equal(['cleanup/jobs added', 'cleanup/jobs removed', 'cleanup/jobs added']);
    expect(done).to.deep.equal(['acme mails 50', 'acme mails 58']);
  });

  it('are rescheduled with the schedule and the time zone of their rows, without a cancel', async () => {
    const { changes, events } = await runCase({
      edit: async (table, app) => {
        await delay(100);
        table.rows = [{ ...acme, schedule: '0 9 * * *', timezone: 'Asia/Tokyo' }];
        await delay(1000);
        expect(cronOf(app, 'acme').nextRuns()[0]?.toISOString()).to.equal('2026-06-02T00:00:00.000Z');
      },
    });
    expect(changes).to.deep.equal(['cleanup/jobs added', 'cleanup/jobs/acme rescheduled']);
    const cancelled = events.findIndex(({ type }) => type === 'cancelled');
    expect(events.slice(0, cancelled).map(({ type }) => type)).to.not.include('cancelling');
  });

  it('are paused and resumed, and nothing is caught up', async () => {
    const { changes, done } = await runCase({
      edit: async (table) => {
        await delay(1500);
        table.rows = [{ ...acme, paused: true }];
        await delay(4000);
        table.rows = [acme];
        await delay(3100);
      },
    });
    expect(changes).to.deep.equal(['cleanup/jobs added', 'cleanup/jobs/acme paused', 'cleanup/jobs/acme resumed']);
    expect(done).to.deep.equal(['acme mails 50', 'acme mails 56', 'acme mails 58']);
  });

  it('may be paused from their first poll on', async () => {
    const { done } = await runCase({ rows: [{ ...acme, paused: true }], edit: () => delay(5000) });
    expect(done).to.deep.equal([]);
  });

  it('are replaced when their input has changed, after the end of the last job', async () => {
    const { done, events } = await runCase({
      jobMs: 1900,
      edit: async (table) => {
        await delay(1500);
        table.rows = [{ ...acme, input: 'files' }];
        await delay(4500);
      },
    });
    expect(done).to.deep.equal(['acme files 53']);
    const ends = events.flatMap((event) => (event.type === 'done' ? `${event.task} ${event.outcome.status}` : []));
    expect(ends[0]).to.equal('cleanup/jobs/acme cancelled');
  });

  it('go on by the last valid row, and a row that is invalid fails one poll', async () => {
    const { done, refused, changes } = await runCase({
      edit: async (table) => {
        await delay(100);
        table.rows = [{ ...acme, schedule: 'each day' }, { ...bolt, id: 'bolt/eu' }, bolt];
        await delay(5000);
        table.rows = [acme, bolt];
        await delay(1000);
      },
    });
    expect(refused).to.have.lengthOf(1);
    expect(refused[0]).to.match(/poll failed in execute: acme: .*each day.*; bolt\/eu: .*bolt\/eu/);
    expect(changes).to.deep.equal(['cleanup/jobs added', 'cleanup/jobs added']);
    expect(done).to.deep.equal(['acme mails 50', 'acme mails 52', 'acme mails 54']);
  });

  it('go on while the table cannot be read', async () => {
    const { done, refused } = await runCase({
      edit: async (table) => {
        await delay(1100);
        table.failure = new Error('connection lost');
        await delay(2000);
        table.failure = undefined;
        await delay(1900);
      },
    });
    expect(refused).to.deep.equal(Array(2).fill('cleanup/poll failed in execute: connection lost'));
    expect(done).to.deep.equal(['acme mails 50', 'acme mails 52', 'acme mails 54']);
  });

  it('are all started again when the group is restarted', async () => {
    const { changes, done } = await runCase({
      edit: async (_, app) => {
        await delay(1500);
        await (app.runner('cleanup') as ReturnType<typeof supervise>).restart();
        await delay(2000);
      },
    });
    expect(changes).to.deep.equal(['cleanup/jobs added', 'cleanup/jobs added']);
    expect(done).to.deep.equal(['acme mails 50', 'acme mails 52']);
  });
});
