import { expect } from 'chai';
import { firstValueFrom, Subject } from 'rxjs';
import type { Fleet, FleetEvent } from 'rxjs-tasks/fleet';
import { concurrentTests } from '../helpers/concurrent-tests.js';
import { Fleets, newSchema, sharedUrl } from '../helpers/fleet.js';
import { FleetPrograms, lines } from '../helpers/fleet-programs.js';
import type { Program } from '../helpers/program.js';
import { statement } from '../helpers/postgres.js';
import { pause, waitUntil } from '../helpers/wait.js';

/** Returns the slots that programs have run, sorted. */
function slotsOf(...programs: readonly Program[]): number[] {
  return programs
    .flatMap((program) => lines(program, 'run'))
    .map(Number)
    .sort((a, b) => a - b);
}

/** Returns the largest number of sorted slots without a gap. */
function longestStretch(slots: readonly number[], step: number): number {
  let [longest, current] = [0, 0];
  slots.forEach((slot, index) => {
    current = slot - step === slots[index - 1] ? current + 1 : 1;
    longest = Math.max(longest, current);
  });
  return longest;
}

function expectDistinct(slots: readonly number[]): void {
  expect(slots).to.deep.equal([...new Set(slots)]);
}

describe('the crons of several processes', () => {
  const programs = new FleetPrograms();
  let url: string;
  /** Returns a function that starts processes of one fleet. */
  const newFleet = () => {
    const schema = newSchema();
    return (name: string, input: object) => programs.start('cron', { url, schema, name, ...input });
  };
  const startFive = async (input: object) => {
    const start = newFleet();
    const five = ['a', 'b', 'c', 'd', 'e'].map((name) => start(name, input));
    for (const program of five) await program.waitFor('up');
    return five;
  };

  before(async () => (url = await sharedUrl()));
  after(() => programs.killAll());

  it('run 100 slots of a short period, each once, in 5 processes', async () => {
    const five = await startFive({ schedule: 150 });
    await waitUntil(() => slotsOf(...five).length >= 100);
    for (const program of five) program.kill('SIGTERM');
    for (const program of five) expect(await program.ended).to.include({ code: 0, stderr: '' });
    expectDistinct(slotsOf(...five));
    console.log('        runs of the five:', five.map((program) => slotsOf(program).length).join(', '));
  });

  it('run each of 5 successive seconds of an expression once', async () => {
    const five = await startFive({ schedule: '* * * * * *' });
    await waitUntil(() => longestStretch(slotsOf(...five), 1000) >= 5);
    for (const program of five) program.kill('SIGKILL');
    for (const program of five) await program.ended;
    expectDistinct(slotsOf(...five));
  });

  concurrentTests({
    'skip the slot of a killed process, and continue after its lease has expired': async () => {
      const start = newFleet();
      const killed = start('killed', { schedule: 1000, runMs: 60_000 });
      await killed.waitFor('run');
      killed.kill('SIGKILL');
      const killedAt = Date.now();
      const [slot = 0] = slotsOf(killed);
      const others = ['second', 'third'].map((name) => start(name, { schedule: 1000 }));
      await waitUntil(() => slotsOf(...others).length > 2);
      const slots = slotsOf(...others);
      expect(slots[0]).to.be.greaterThan(slot);
      expect(slots[0]).to.be.at.least(killedAt);
      expectDistinct(slots);
    },

    'revoke the slot of a process that was stopped for longer than its lease': async () => {
      const start = newFleet();
      const stopped = start('stopped', { schedule: 1000, runMs: 60_000 });
      await stopped.waitFor('run');
      stopped.kill('SIGSTOP');
      const second = start('second', { schedule: 1000 });
      await waitUntil(() => slotsOf(second).length > 1);
      stopped.kill('SIGCONT');
      await stopped.waitFor('cancelled');
      await waitUntil(() => lines(stopped, 'cancelled').length > 0);
      expect(lines(stopped, 'cancelled')[0]).to.match(/The lease was revoked$/);
      expectDistinct(slotsOf(stopped, second));
    },

    'run no slot twice if the clock of a process is behind or ahead': async () => {
      const start = newFleet();
      const exact = start('exact', { schedule: 200 });
      await exact.waitFor('run');
      const behind = start('behind', { schedule: 200, aheadMs: -3000 });
      const ahead = start('ahead', { schedule: 200, aheadMs: 3000 });
      for (const program of [behind, ahead]) await program.waitFor('up');
      await waitUntil(() => slotsOf(ahead).length > 15);
      await pause(3000);
      expectDistinct(slotsOf(exact, behind, ahead));
      // The others continue with the first slot that the killed process has not run.
      ahead.kill('SIGKILL');
      await waitUntil(() => Math.max(...slotsOf(exact, behind)) > Math.max(...slotsOf(ahead)));
      expectDistinct(slotsOf(exact, behind, ahead));
    },

    'catch up once with the slots that no process has run': async () => {
      const start = newFleet();
      const early = start('early', { schedule: 1000 });
      await waitUntil(() => slotsOf(early).length > 1);
      early.kill('SIGKILL');
      await early.ended;
      await pause(3000);
      const late = ['first', 'second', 'third'].map((name) => start(name, { schedule: 1000, catchUp: true }));
      for (const program of late) await program.waitFor('up');
      await waitUntil(() => longestStretch(slotsOf(...late).slice(1), 1000) > 2);
      const slots = slotsOf(...late);
      expectDistinct(slots);
      expect(Math.min(...slots)).to.be.greaterThan(Math.max(...slotsOf(early)) + 2000);
      // The slots before the one that is run are missed.
      expect(late.flatMap((program) => lines(program, 'missed'))).not.to.deep.equal([]);
    },
  });

  describe('run in one process at a time:', () => {
    const fleets = new Fleets();
    afterEach(() => fleets.close());
    const isGranted = (fleet: Fleet, slot: number) => firstValueFrom(fleet.coordinator.lease('tick', slot));
    const acquire = async (fleet: Fleet, slot: number) => {
      const answers = new Subject<boolean>();
      const granted = firstValueFrom(answers);
      const lease = fleet.coordinator.lease('tick', slot).subscribe(answers);
      expect(await granted).to.equal(true);
      return lease;
    };

    it('each of 100 successive slots is granted to one of 5 processes that request it at the same time', async () => {
      const five = [];
      for (const name of ['a', 'b', 'c', 'd', 'e']) five.push(await fleets.connect({ name }));
      for (let slot = 1; slot <= 100; slot++) {
        const answers = await Promise.all(five.map((fleet) => isGranted(fleet, slot)));
        expect(answers.filter((granted) => granted)).to.have.length(1);
      }
    });

    it('a process that runs several slots keeps the cron until all of them have ended', async () => {
      const [fleet, other] = [await fleets.connect(), await fleets.connect()];
      const first = await acquire(fleet, 1000);
      const second = await acquire(fleet, 2000);
      second.unsubscribe();
      await pause(200);
      expect(await isGranted(other, 3000)).to.equal(false);
      first.unsubscribe();
      await waitUntil(() => isGranted(other, 4000));
    });

    it('a claim that is refused locks nothing and writes nothing', async () => {
      const [fleet, other] = [await fleets.connect(), await fleets.connect()];
      await acquire(fleet, 4500);
      // A lock of the row would be its `xmax`.
      const select = `select xmin::text, xmax::text, ctid::text, seen::text from "${fleets.schema}".cron`;
      const before = await statement(await sharedUrl(), select);
      expect(await isGranted(other, 4500)).to.equal(false);
      expect(await isGranted(other, 4600)).to.equal(false);
      expect(await statement(await sharedUrl(), select)).to.deep.equal(before);
    });

    it('another process gets the cron when the first has closed its fleet', async () => {
      const [fleet, other] = [await fleets.connect(), await fleets.connect()];
      const first = await acquire(fleet, 5000);
      const second = await acquire(fleet, 6000);
      first.unsubscribe();
      await fleet.close();
      expect(await isGranted(other, 7000)).to.equal(true);
      second.unsubscribe();
    });
  });

  it('keep nothing from their process, although the database cannot store a name of one', async () => {
    const fleets = new Fleets();
    const [fleet, other] = [await fleets.connect(), await fleets.connect()];
    const events: FleetEvent[] = [];
    fleet.events$.subscribe((event) => events.push(event));
    const subscription = fleet.coordinator.watchTriggers?.('app/\0').subscribe();
    try {
      await other.cancel('all');
      await waitUntil(() => fleet.context.cancelled);
      expect(events.map(({ type }) => type)).to.deep.equal(['fleet-cancelled']);
    } finally {
      subscription?.unsubscribe();
      await fleets.close();
    }
  });

  it('have the last slot that any process has run', async () => {
    const fleets = new Fleets();
    const fleet = await fleets.connect();
    try {
      expect(await fleet.lastSlot('tick')).to.equal(undefined);
      expect(await firstValueFrom(fleet.coordinator.lease('tick', 1000))).to.equal(true);
      expect(await fleet.lastSlot('tick')).to.equal(1000);
      expect(await firstValueFrom(fleet.coordinator.lease('tick', 1000))).to.equal(false);
    } finally {
      await fleets.close();
    }
  });
});
