import { expect } from 'chai';
import { firstValueFrom, Subject } from 'rxjs';
import type { Fleet } from 'rxjs-tasks/fleet';
import { Fleets, newSchema, sharedUrl } from '../helpers/fleet.js';
import type { Program } from '../helpers/program.js';
import { lines, pause, Programs, until } from '../helpers/programs.js';
import { concurrentTests } from '../helpers/concurrent-tests.js';

/** The slots that programs have run, in order. */
function runs(...programs: readonly Program[]): number[] {
  return programs
    .flatMap((program) => lines(program, 'run'))
    .map(Number)
    .sort((a, b) => a - b);
}

/** From the first to the last, in steps. */
function slots(first: number, last: number, step: number): number[] {
  return Array.from({ length: (last - first) / step + 1 }, (_, place) => first + place * step);
}

describe('crons of several processes', () => {
  const programs = new Programs();
  let url: string;
  /** What starts processes of one fleet. */
  const starter = () => {
    const schema = newSchema();
    return (name: string, input: object) => programs.start('cron', { url, schema, name, ...input });
  };

  before(async () => (url = await sharedUrl()));
  after(() => programs.kill());

  it('run each of 100 slots once, in one of 5 processes', async () => {
    const start = starter();
    const five = ['a', 'b', 'c', 'd', 'e'].map((name) => start(name, { schedule: 150 }));
    for (const one of five) await one.says('up');
    const from = Math.ceil(Date.now() / 150) * 150;
    await pause(15_500);
    for (const one of five) one.kill('SIGTERM');
    for (const one of five) expect(await one.ended).to.include({ code: 0, stderr: '' });
    const all = runs(...five);
    expect(all).to.deep.equal([...new Set(all)]);
    const mine = all.filter((slot) => slot >= from).slice(0, 100);
    expect(mine).to.deep.equal(slots(from, from + 99 * 150, 150));
    console.log('        runs of the five:', five.map((one) => runs(one).length).join(', '));
  }).timeout(60_000);

  it('run each second once', async () => {
    const start = starter();
    const five = ['a', 'b', 'c', 'd', 'e'].map((name) => start(name, { schedule: '* * * * * *' }));
    for (const one of five) await one.says('up');
    const from = Math.ceil(Date.now() / 1000) * 1000;
    await pause(5500);
    for (const one of five) one.kill('SIGKILL');
    for (const one of five) await one.ended;
    const mine = runs(...five).filter((slot) => slot >= from);
    expect(mine).to.deep.equal(slots(from, from + 1000 * (mine.length - 1), 1000));
    expect(mine.length).to.be.within(5, 6);
  }).timeout(60_000);

  concurrentTests(60_000, {
    'leave a slot whose process was killed in it, and go on within the time of a lease': async () => {
      const start = starter();
      const one = start('one', { schedule: 1000, takes: 60_000 });
      await one.says('run');
      one.kill('SIGKILL');
      const killed = Date.now();
      const [slot = 0] = runs(one);
      const others = ['two', 'three'].map((name) => start(name, { schedule: 1000 }));
      await until(() => runs(...others).length > 2, 20_000);
      const after = runs(...others);
      expect(after[0]).to.be.greaterThan(slot);
      expect((after[0] ?? Infinity) - killed).to.be.within(0, 12_000);
      expect(after).to.deep.equal([...new Set(after)]);
    },

    'take a slot back from a process that was stopped for longer than a lease': async () => {
      const start = starter();
      const one = start('one', { schedule: 1000, takes: 60_000 });
      await one.says('run');
      one.kill('SIGSTOP');
      const two = start('two', { schedule: 1000 });
      await until(() => runs(two).length > 1, 25_000);
      one.kill('SIGCONT');
      await one.says('cancelled');
      expect(lines(one, 'cancelled')[0]).to.match(/The lease was revoked$/);
      expect(runs(one).filter((slot) => runs(two).includes(slot))).to.deep.equal([]);
    },

    'run nothing again in a process whose clock is behind': async () => {
      const start = starter();
      const right = start('right', { schedule: 200 });
      await right.says('run');
      const behind = start('behind', { schedule: 200, ahead: -3000 });
      const ahead = start('ahead', { schedule: 200, ahead: 3000 });
      for (const one of [behind, ahead]) await one.says('up');
      await pause(5000);
      const all = runs(right, behind, ahead);
      expect(all).to.deep.equal([...new Set(all)]);
      expect(runs(ahead).length).to.be.greaterThan(15);
      // Until theirs come, as far as the others have not run them.
      ahead.kill('SIGKILL');
      await until(() => Math.max(...runs(right, behind)) > Math.max(...runs(ahead)), 15_000);
    },

    'catch up once with what nobody has run': async () => {
      const start = starter();
      const early = start('early', { schedule: 1000 });
      await until(() => runs(early).length > 1, 20_000);
      early.kill('SIGKILL');
      await early.ended;
      await pause(3000);
      const late = ['one', 'two', 'three'].map((name) => start(name, { schedule: 1000, catchUp: true }));
      for (const one of late) await one.says('up');
      await until(() => runs(...late).length > 3, 20_000);
      const all = runs(...late);
      expect(all).to.deep.equal([...new Set(all)]);
      expect(all.slice(1)).to.deep.equal(slots(all[1] ?? 0, all.at(-1) ?? 0, 1000));
      expect(Math.min(...all)).to.be.greaterThan(Math.max(...runs(early)) + 2000);
    },
  });

  describe('have one process at work at a time:', () => {
    const fleets = new Fleets();
    afterEach(() => fleets.close());
    const asks = (fleet: Fleet, slot: number) => firstValueFrom(fleet.coordinator.lease('tick', slot));
    const takes = async (fleet: Fleet, slot: number) => {
      const granted = new Subject<boolean>();
      const lease = fleet.coordinator.lease('tick', slot).subscribe(granted);
      expect(await firstValueFrom(granted)).to.equal(true);
      return lease;
    };

    it('the one that is at several slots, until all of them have ended', async () => {
      const [one, two] = [await fleets.connect(), await fleets.connect()];
      const first = await takes(one, 1000);
      const second = await takes(one, 2000);
      second.unsubscribe();
      await pause(200);
      expect(await asks(two, 3000)).to.equal(false);
      first.unsubscribe();
      await pause(200);
      expect(await asks(two, 4000)).to.equal(true);
    });

    it('the next one as soon as the one has closed', async () => {
      const [one, two] = [await fleets.connect(), await fleets.connect()];
      const first = await takes(one, 5000);
      const second = await takes(one, 6000);
      first.unsubscribe();
      await one.close();
      expect(await asks(two, 7000)).to.equal(true);
      second.unsubscribe();
    });
  });

  it('know the last slot that anyone has run', async () => {
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
