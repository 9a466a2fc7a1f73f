import { expect } from 'chai';
import { NEVER } from 'rxjs';
import sinon from 'sinon';
import type { ControlMessage } from '../../lib/fleet/control-message.js';
import { CronPauses } from '../../lib/fleet/cron-pauses.js';
import type { NotifyChannel } from '../../lib/fleet/notify-channel.js';
import { StatusPoller, type CronPause } from '../../lib/fleet/status-poller.js';
import { fakeDatabase } from '../helpers/fake-database.js';

type Control = NotifyChannel<ControlMessage>;

/** Creates the pauses of a fleet whose status has the pauses that a function returns. */
function createPauses(readPauses: () => readonly CronPause[]) {
  const messages: ControlMessage[] = [];
  const statements: unknown[] = [];
  const database = fakeDatabase((sql, values) => {
    if (sql.includes('json_agg'))
      return Promise.resolve({ rows: [{ reason: null, followed: false, pauses: readPauses() }] });
    statements.push([sql.trim().split(' ', 1)[0], ...values]);
    return Promise.resolve({ rows: [] });
  });
  const control = { send: (message: ControlMessage) => messages.push(message), messages$: NEVER, missed$: NEVER };
  const poller = new StatusPoller(database, control as unknown as Control);
  return { pauses: new CronPauses(database, poller), poller, messages, statements };
}

/** Collects the states of a task as `paused by ann` or `running by ann`. */
function follow(pauses: CronPauses, task: string) {
  const states: string[] = [];
  const subscription = pauses
    .watch(task)
    .subscribe(({ paused, by }) =>
      states.push(`${paused ? 'paused' : 'running'}${by === undefined ? '' : ` by ${by}`}`),
    );
  return { states, subscription };
}

describe("the pauses of a fleet's crons", () => {
  const paused = (task: string, by: string) => ({ task, paused: true, by, at: 0 });
  const ended = (task: string, by: string) => ({ task, paused: false, by, at: 0 });

  it('are emitted at the subscription and at each change, to the crons of that path alone', async () => {
    let rows: CronPause[] = [];
    const { pauses, poller } = createPauses(() => rows);
    const [x, y] = [follow(pauses, 'x'), follow(pauses, 'y')];
    for (const status of [[paused('x', 'ann')], [paused('x', 'ann')], [ended('x', 'bob')], []]) {
      rows = status;
      await poller.poll();
    }
    expect([x.states, y.states]).to.deep.equal([['running', 'paused by ann', 'running by bob'], ['running']]);
    rows = [paused('x', 'eve'), paused('y', 'eve')];
    await poller.poll();
    const late = follow(pauses, 'x');
    expect([x.states.at(-1), y.states.at(-1), late.states]).to.deep.equal([
      'paused by eve',
      'paused by eve',
      ['paused by eve'],
    ]);
  });

  it('end without a name when the end was too long ago for the status', async () => {
    let rows = [paused('x', 'ann')];
    const { pauses, poller } = createPauses(() => rows);
    await poller.poll();
    const { states } = follow(pauses, 'x');
    rows = [];
    await poller.poll();
    expect(states).to.deep.equal(['paused by ann', 'running']);
  });

  it('are the last ones of their paths, of several in the status', async () => {
    const { pauses, poller } = createPauses(() => [ended('x', 'bob'), paused('x', 'ann')]);
    await poller.poll();
    expect(follow(pauses, 'x').states).to.deep.equal(['paused by ann']);
  });

  it('have no subscriber after an unsubscription', async () => {
    let rows: CronPause[] = [];
    const { pauses, poller } = createPauses(() => rows);
    const { states, subscription } = follow(pauses, 'x');
    subscription.unsubscribe();
    rows = [paused('x', 'ann')];
    await poller.poll();
    expect(states).to.deep.equal(['running']);
    const { changedTasks } = pauses as unknown as { changedTasks: { observed: boolean } };
    expect(changedTasks.observed).to.equal(false);
  });

  it('are applied in this process and notified to the others before the promise resolves', async () => {
    let rows: CronPause[] = [];
    const { pauses, messages, statements } = createPauses(() => rows);
    const { states } = follow(pauses, 'x');
    rows = [paused('x', 'ann')];
    await pauses.pause('x', 'ann');
    expect(states.at(-1)).to.equal('paused by ann');
    rows = [];
    // There is no current pause to end in the database, but this process does not know that yet.
    await pauses.resume('x', 'ann');
    expect(states.at(-1)).to.equal('running');
    expect(messages).to.deep.equal([{ type: 'fleet' }, { type: 'fleet' }]);
    expect(statements).to.deep.equal([
      ['with', 'x', 'ann'],
      ['select', 'x'],
    ]);
  });

  describe('in virtual time', () => {
    let clock: sinon.SinonFakeTimers;
    beforeEach(() => (clock = sinon.useFakeTimers()));
    afterEach(() => clock.restore());

    it('are ended again after an unanswered statement, without ending a pause that came in between', async () => {
      let current: string | undefined = 'first';
      let answerLost = false;
      const database = fakeDatabase((sql, [, , begunAt]) => {
        if (sql.includes('json_agg')) return Promise.resolve({ rows: [{ reason: null, pauses: [] }] });
        if (!sql.startsWith('update'))
          return Promise.resolve({ rows: current === undefined ? [] : [{ begunAt: current }] });
        if (current === begunAt) current = undefined;
        if (answerLost) return Promise.resolve({ rows: [] });
        answerLost = true;
        return new Promise(() => undefined);
      });
      // Without a listener the database would print its event.
      database.events$.subscribe();
      const control = { send: () => undefined, messages$: NEVER, missed$: NEVER };
      const poller = new StatusPoller(database, control as unknown as Control);
      const resumed = new CronPauses(database, poller).resume('x', 'ann');
      await clock.tickAsync(2000);
      expect(current).to.equal(undefined);
      current = 'second';
      await clock.tickAsync(4000);
      await resumed;
      expect(current).to.equal('second');
    });
  });
});
