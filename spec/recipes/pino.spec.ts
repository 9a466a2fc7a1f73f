import { expect } from 'chai';
import { pino } from 'pino';
import { NEVER, throwError } from 'rxjs';
import { cron, launch, ordered, supervise, task, type Runnable, type ShutdownReport } from 'rxjs-tasks';
import { logTo } from '../../examples/recipes/pino.js';

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Returns the log of an application until its end, at a level and above. */
async function logged(runnables: readonly Runnable[], level = 'debug'): Promise<Line[]> {
  const lines: Line[] = [];
  const options = { level, base: null, timestamp: false, formatters: { level: (label: string) => ({ level: label }) } };
  const logger = pino(options, { write: (line: string) => lines.push(JSON.parse(line) as Line) });
  await launch(runnables, { observer: logTo(logger), timeout: 5 });
  return lines;
}

const stopper = task('stopper', (_, cancel) => cancel(new Error('deployed')));
const failing = task('db', () => throwError(() => new Error('refused', { cause: new Error('no route') })));
const levelAndText = ({ level, msg }: Line) => `${level} ${msg}`;

describe('The log of an application, by pino', () => {
  it('has a line for each event, at its level', async () => {
    const http = task('http', { initialize: () => undefined, execute: () => NEVER, finalize: () => undefined });
    expect((await logged([http, stopper])).map(levelAndText)).to.deep.equal([
      'debug http initializing',
      'info http ready',
      'info stopper ready',
      'info cancelled',
      'debug http cancelling',
      'debug http finalizing',
      'info http done',
      'debug stopper cancelling',
      'info stopper done',
      'info shutdown',
    ]);
  });

  it('has a line for each action of an operator', async () => {
    const report = cron(
      task('report', () => 1),
      60_000,
      { immediate: false },
    );
    const operator = task('operator', async (_, cancel) => {
      report.pause({ by: 'ann' });
      await report.trigger({ by: 'ann' });
      cancel();
    });
    const lines = await logged([report, operator], 'info');
    expect(lines.filter(({ by }) => by === 'ann').map(levelAndText)).to.deep.equal([
      'info report paused',
      'info report triggered',
    ]);
  });

  it('includes the cause of the cancel', async () => {
    const lines = await logged([task('http', () => NEVER), stopper]);
    expect(lines.find(({ msg }) => msg === 'cancelled')).to.include({ name: 'tasks', cause: 'Error: deployed' });
  });

  it('has the error of a failed task and its cause in a separate field', async () => {
    const [line, ...others] = (await logged([failing])).filter(({ msg }) => msg === 'db failed');
    expect(others).to.deep.equal([]);
    expect(line).to.include({ level: 'error', phase: 'execute', task: 'db', runId: 1 });
    expect(line).to.have.nested.include({
      'err.type': 'TaskError',
      'err.message': 'db failed in execute: refused',
      'err.task': 'db',
      'err.phase': 'execute',
      'err.cause.message': 'refused',
      'err.cause.cause.message': 'no route',
    });
    expect(line).to.have.nested.property('err.stack').that.includes('pino.spec.ts');
  });

  it('has an error that passes through groups once', async () => {
    const lines = await logged([ordered('shop', ordered('data', failing))], 'error');
    expect(lines.map(levelAndText)).to.deep.equal([
      'error shop/data/db failed',
      'error shop/data/db done',
      'error shop/data done',
      'error shop done',
      'error shutdown',
    ]);
    expect(lines.map((line) => 'err' in line)).to.deep.equal([true, false, false, false, false]);
  });

  it('warns of restarts, with their error', async () => {
    const lines = await logged([supervise(failing, { backoff: { initial: 1 }, maxRestarts: 1 })], 'warn');
    expect(lines.map(levelAndText)).to.deep.equal([
      'error db failed',
      'warn db restarting',
      'error db failed',
      'error db done',
      'error shutdown',
    ]);
    expect(lines[0]).to.have.nested.include({ 'err.message': 'db failed in execute: refused' });
    expect(lines[1]).to.include({ restart: 1 });
    expect(lines[3]).to.have.nested.include({ 'err.type': 'RestartLimitError' });
  });

  it('has the failed runs of a cron', async () => {
    const lines = await logged([cron(failing, 60_000, { maxRuns: 1 })], 'error');
    expect(lines[0]).to.have.nested.include({ msg: 'db slot-failed', 'err.cause.message': 'refused' });
  });

  it('ends with the report, which names the tasks that hang', async () => {
    const stuck = task('stuck', () => new Promise<never>(() => undefined));
    const last = (await logged([stuck, stopper])).at(-1);
    expect(last).to.include({ level: 'error', msg: 'shutdown' });
    const { outcomes } = last?.['report'] as ShutdownReport;
    expect(outcomes.map(({ task, status }) => `${task} ${status}`)).to.deep.equal([
      'stopper cancelled',
      'stuck timed-out',
    ]);
  });
});
