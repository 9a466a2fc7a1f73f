import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { connectFleet } from 'rxjs-tasks/fleet';
import { FaultProxy, type NetworkFault } from '../helpers/fault-proxy.js';
import { newSchema, sharedUrl } from '../helpers/fleet.js';
import { FleetPrograms } from '../helpers/fleet-programs.js';
import { recordChanges } from '../helpers/history/database-record.js';
import type { RecordedEntry } from '../helpers/history/entries.js';
import { checkHistory, readEntries, readHistory } from '../helpers/history/fleet-history.js';
import type { Program } from '../helpers/program.js';
import { pause, waitUntil } from '../helpers/wait.js';

/** The roles of the three processes, by their names. */
const members = { worker: ['worker'], cron: ['cron'], submitter: ['submitter', 'worker'] } as const;
const names = Object.keys(members);
/** The seed of the submitter's random program. */
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
/** The number of results and slots that show that a fleet works. */
const enough = 10;

/** Two workers, a coordinated cron and a submitter, in three processes behind one proxy. */
class Team {
  readonly schema = newSchema();
  private readonly programs = new FleetPrograms();
  private readonly members: Program[] = [];
  private directory = '';
  private proxy: FaultProxy | undefined = undefined;

  get file(): string {
    return join(this.directory, 'history');
  }

  get network(): FaultProxy {
    if (!this.proxy) throw new Error('The team has not started');
    return this.proxy;
  }

  async start(): Promise<void> {
    const url = await sharedUrl();
    const { schema } = this;
    this.directory = await mkdtemp(join(tmpdir(), 'fleet-faults-'));
    this.proxy = await FaultProxy.start(url);
    await (await connectFleet({ url, schema })).close();
    await recordChanges(url, schema);
    for (const [name, roles] of Object.entries(members)) {
      const input = { url: this.proxy.url, schema, name, file: this.file, roles, seed, retention: 600_000 };
      this.members.push(this.programs.start('witness', input));
    }
    for (const member of this.members) await member.waitFor('up');
  }

  get entries(): readonly RecordedEntry[] {
    return readEntries(this.file);
  }

  async history(): ReturnType<typeof readHistory> {
    return readHistory(this.file, await sharedUrl(), this.schema);
  }

  /** Waits until jobs and slots go on, and no process is cut off. */
  async untilWorking(): Promise<void> {
    const before = this.entries.length;
    await waitUntil(async () => {
      await pause(100);
      const entries = this.entries;
      const later = entries.slice(before);
      const count = (type: RecordedEntry['type']) => later.filter((entry) => entry.type === type).length;
      const isConnected = names.every((name) => connectionEvents(entries, name).at(-1) !== 'disconnected');
      return isConnected && count('result') >= enough && count('slot') >= enough;
    });
  }

  /** Ends the processes, after all results have arrived. Returns their exit codes. */
  async end(): Promise<(number | null)[]> {
    for (const member of this.members) member.child.stdin?.write('settle\n');
    for (const member of this.members) await member.waitFor('settled');
    return this.closeAll();
  }

  closeAll(): Promise<(number | null)[]> {
    for (const member of this.members) member.child.stdin?.write('close\n');
    return Promise.all(this.members.map(async ({ ended }) => (await ended).code));
  }

  async remove(): Promise<void> {
    await this.programs.killAll();
    await this.proxy?.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

function connectionEvents(entries: readonly RecordedEntry[], name: string): string[] {
  return entries
    .filter(({ by, type }) => by === name && (type === 'disconnected' || type === 'reconnected'))
    .map(({ type }) => type);
}

describe('While the network', () => {
  const team = new Team();

  before(() => team.start());
  after(() => team.remove());

  /** Causes a fault until each process has reported it, and expects the processes to go on afterwards. */
  async function survive(begin: () => void): Promise<void> {
    await team.untilWorking();
    const before = team.entries.length;
    begin();
    await waitUntil(async () => {
      await pause(100);
      const later = team.entries.slice(before);
      return names.every((name) => connectionEvents(later, name).includes('disconnected'));
    });
    team.network.begin('none');
    await team.untilWorking();
    const later = team.entries.slice(before);
    for (const name of names) {
      const types = connectionEvents(later, name);
      // Each outage is one event, and so is its end.
      expect(types, name).to.deep.equal(types.map((_, index) => (index % 2 === 0 ? 'disconnected' : 'reconnected')));
    }
    expect(later.filter(({ type }) => type === 'unhandled' || type === 'written')).to.deep.equal([]);
  }

  const surviveFault = (fault: NetworkFault) => survive(() => team.network.begin(fault));

  it('swallows everything, each process reports it once, and goes on afterwards', () => surviveFault('hole'));
  it('loses all answers, each process reports it once, and goes on afterwards', () => surviveFault('half-open'));
  it('cuts each answer in its middle, each process reports it once, and goes on', () => surviveFault('tear'));
  it('refuses connections, each process reports it once, and goes on afterwards', () => surviveFault('refuse'));
  it('resets all connections, each process reports it once, and connects again', () =>
    survive(() => team.network.cut()));

  it('is slow, jobs and slots go on', async () => {
    await team.untilWorking();
    team.network.begin('slow');
    await team.untilWorking();
    team.network.begin('none');
    await team.untilWorking();
  });

  it('has had all these faults, the history of all processes has no fault', async () => {
    await team.untilWorking();
    expect(await team.end()).to.deep.equal([0, 0, 0]);
    const history = await team.history();
    expect(history.jobs).to.have.length.above(3 * enough);
    expect(checkHistory(history), `seed ${seed}`).to.deep.equal([]);
  });
});

describe('Behind a network that swallows everything', () => {
  const team = new Team();

  before(() => team.start());
  after(() => team.remove());

  it('a fleet closes, and what waits for it ends with an error', async () => {
    const fleet = await connectFleet({ url: team.network.url, schema: team.schema });
    fleet.events$.subscribe();
    const result = lastValueFrom(fleet.queue<number>('unattended').submit(1)).catch(String);
    const granted = new Promise((resolve) => fleet.coordinator.lease('app/other', Date.now()).subscribe(resolve));
    expect(await granted).to.equal(true);
    team.network.begin('hole');
    const written = fleet.queue('unattended').enqueue(2).catch(String);
    const state = fleet.state().catch(String);
    await fleet.close();
    for (const error of await Promise.all([result, written, state]))
      expect(error).to.equal('CancelledError: The fleet is closed');
    team.network.begin('none');
  });

  it('the processes of a worker, a cron and a submitter end after their stop, without an unhandled error', async () => {
    await team.untilWorking();
    team.network.begin('hole');
    // Some statements are sent and unanswered.
    await pause(1000);
    const codes = await team.closeAll();
    expect(codes).not.to.include(null);
    expect(team.entries.filter(({ type }) => type === 'unhandled')).to.deep.equal([]);
  });
});
