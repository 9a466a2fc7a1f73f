import { setTimeout as delay } from 'node:timers/promises';
import type { Fleet } from 'rxjs-tasks/fleet';
import type { Postgres } from '../helpers/postgres.js';
import type { FleetMember } from './fleet-member.js';
import type { SeededRandom } from './seeded-random.js';

const networkFaults = ['hole', 'half-open', 'slow', 'refuse', 'tear'] as const;
/** The faults of members are more frequent than those of the server, because they concern one process each. */
const kinds = [
  'kill',
  'kill',
  'freeze',
  'freeze',
  'close',
  'cut',
  'network',
  'network',
  'network',
  'pause',
  'restart',
  'crash',
] as const;
/** The longest fault, in ms: longer than a heartbeat's timeout, and than a lease. */
const maxFaultMs = 13_000;

/** Causes random faults. The seed decides which, when, and for how long. */
export class FleetFaults {
  readonly counts: Record<string, number> = {};
  private readonly random: SeededRandom;
  private readonly server: Postgres;
  private readonly conductor: Fleet;
  private readonly members: readonly FleetMember[];
  private readonly current = new Set<Promise<void>>();

  /** @param members the first one is never replaced, so that its heap can be observed. */
  constructor(random: SeededRandom, server: Postgres, conductor: Fleet, members: readonly FleetMember[]) {
    this.random = random;
    this.server = server;
    this.conductor = conductor;
    this.members = members;
  }

  /** Begins one fault, and waits for a random time. A fault lasts longer than the wait, so that several overlap. */
  async next(): Promise<void> {
    const { random } = this;
    const kind = random.pick(kinds);
    const member = random.pick(this.members);
    const fault = random.pick(networkFaults);
    const ms = 500 + random.integer(maxFaultMs);
    const waitMs = 500 + random.integer(2500);
    if (kind === 'restart' || kind === 'crash') await this.disturbServer(kind);
    else if (kind === 'pause') this.begin(kind, this.pauseCron(ms));
    else if (!member.busy) {
      const isFixed = member === this.members[0] && (kind === 'kill' || kind === 'close');
      this.begin(
        kind === 'network' || isFixed ? fault : kind,
        this.disturb(member, isFixed ? 'network' : kind, fault, ms),
      );
    }
    await delay(waitMs);
  }

  /** Waits until all faults are over. */
  async end(): Promise<void> {
    await Promise.all(this.current);
  }

  private begin(name: string, fault: Promise<void>): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
    const ended = fault.finally(() => this.current.delete(ended));
    this.current.add(ended);
  }

  private async disturb(
    member: FleetMember,
    kind: 'kill' | 'freeze' | 'close' | 'cut' | 'network',
    fault: (typeof networkFaults)[number],
    ms: number,
  ): Promise<void> {
    member.busy = true;
    if (kind === 'kill') await member.kill();
    else if (kind === 'freeze') await member.freeze(ms);
    else if (kind === 'cut') member.cut();
    else if (kind === 'network') await member.disturb(fault, ms);
    else {
      await member.close();
      await member.replace();
    }
    member.busy = false;
  }

  private async pauseCron(ms: number): Promise<void> {
    await this.conductor.pause('tick');
    await delay(ms);
    await this.conductor.resume('tick');
  }

  /** An orderly stop of a process needs the server, so all other faults end before. */
  private async disturbServer(kind: 'restart' | 'crash'): Promise<void> {
    await this.end();
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    if (kind === 'restart') return this.server.restart();
    this.server.crash();
    await this.server.start();
  }
}
