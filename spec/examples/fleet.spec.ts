import { expect } from 'chai';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newSchema, sharedUrl } from '../helpers/fleet.js';
import { Program } from '../helpers/program.js';
import { until } from '../helpers/programs.js';

const workers = ['ann', 'ben', 'cat'];

/** What each of a program's lines says, and who says it. */
function said({ stdout }: { stdout: string }): { who: string; text: string }[] {
  return [...stdout.matchAll(/^(\w+) +(.+)$/gm)].map(([, who = '', text = '']) => ({ who, text }));
}

/** The places of lines that match, with what they match. */
function find(lines: readonly { who: string; text: string }[], pattern: RegExp) {
  return lines.flatMap(({ who, text }, place) => {
    const match = pattern.exec(text);
    return match ? [{ who, place, match: match[1] ?? '' }] : [];
  });
}

/** The seconds between slots, as they were run. */
function steps(slots: readonly string[]): number[] {
  const seconds = slots.map((slot) => Date.parse(`2026-01-01T${slot}Z`) / 1000);
  return seconds.slice(1).map((second, place) => (second - (seconds[place] ?? 0) + 86_400) % 86_400);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('The shop of three processes', () => {
  const programs: Program[] = [];
  let directory: string;
  const start = (env: NodeJS.ProcessEnv = {}) => {
    const inherited: NodeJS.ProcessEnv = { ...process.env, TMPDIR: directory };
    delete inherited['FLEET_URL'];
    const program = new Program(process.execPath, ['--import', 'tsx', 'examples/fleet.ts'], { ...inherited, ...env });
    programs.push(program);
    return program;
  };
  const shared = async () => ({ FLEET_URL: await sharedUrl(), FLEET_SCHEMA: newSchema() });
  const allUp = async (program: Program) => {
    await program.says('pictures wait');
    const up = find(said(program), /^is up, as process (\d+)$/);
    expect(up.map(({ who }) => who)).to.have.members(workers);
    return up.map(({ match }) => Number(match));
  };
  /** Of what tsx keeps there nothing is the program's. */
  const left = async () => (await readdir(directory)).filter((name) => !name.startsWith('tsx-'));

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'shop-'));
    // A server that root starts is another user.
    await chmod(directory, 0o755);
  });
  afterEach(async () => {
    for (const program of programs) program.kill('SIGKILL');
    // Whoever still writes to it keeps it from its end.
    await Promise.all(programs.splice(0).map(({ ended }) => ended));
    await rm(directory, { recursive: true, force: true });
  });

  it('loses no picture when one of them is killed and one is asked to end, and ends with the fleet', async () => {
    const program = start(await shared());
    const pids = await allUp(program);
    const { code, stdout, stderr } = await program.ended;
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.match(/^Stopped by CancelledError: shop\/story has ended\. Clean, in [\d.]+ m?s\.$/m);
    expect(pids.filter(isRunning)).to.deep.equal([]);
    expect(await left()).to.deep.equal([]);

    const lines = said(program);
    const [count] = find(lines, /^(\d+) of \1 pictures are done, with \1 results$/);
    const done = find(lines, /^has resized (\S+\.jpg)/);
    expect(new Set(done.map(({ match }) => match)).size).to.equal(Number(count?.match));
    const shares = find(lines, /^has done (\d+)$/);
    expect(shares.map(({ who }) => who)).to.deep.equal(workers);
    expect(shares.reduce((sum, { match }) => sum + Number(match), 0)).to.equal(Number(count?.match));

    const [killed] = find(lines, /^SIGKILL for ben, who had done 2 of the 4 widths of (\S+)$/);
    const again = done.filter(({ match }) => match === killed?.match);
    expect(again).to.have.length(1);
    expect(again[0]?.who).to.be.oneOf(['ann', 'cat']);
    expect(lines[again[0]?.place ?? -1]?.text).to.match(/, in attempt 2$/);
    const afterwards = lines.slice(killed?.place).filter(({ who }) => who === 'ben');
    expect(afterwards.filter(({ text }) => !text.startsWith('has done'))).to.deep.equal([]);

    const [asked] = find(lines, /^cat has ended with (exit code 0);/);
    expect(asked).to.not.equal(undefined);
    expect(lines).to.deep.include({ who: 'cat', text: 'ends: Received SIGTERM' });
    expect(lines).to.deep.include({ who: 'ann', text: 'ends: The fleet was cancelled by shop: the show is over' });
    expect(lines).to.deep.include({ who: 'shop', text: 'ann has ended with exit code 0' });

    const slots = find(lines, /^counts the stock of (\S+)$/);
    const run = (place: (slot: number) => boolean) =>
      slots.filter((slot) => place(slot.place)).map(({ match }) => match);
    expect(new Set(slots.map(({ match }) => match)).size).to.equal(slots.length);
    // Killed in a slot, ben would keep the others from the next ones until his lease is over.
    for (const part of [run((place) => place < (killed?.place ?? 0)), run((place) => place > (killed?.place ?? 0))]) {
      expect(part).to.have.length.above(0);
      expect(steps(part).filter((step) => step !== 2)).to.deep.equal([]);
    }
    expect(run((place) => place > (asked?.place ?? Infinity))).to.have.length.above(0);
  }).timeout(180_000);

  for (const [when, text] of [
    ['while its database starts', 'A PostgreSQL starts'],
    ['while pictures come in', 'has resized'],
  ] as const)
    it(`ends with all it has started at a Ctrl-C ${when}`, async () => {
      const program = start();
      await program.says(text);
      program.kill('SIGINT');
      const { code, stdout, stderr } = await program.ended;
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(stdout).to.match(/^Stopped by SignalError: Received SIGINT\. Clean, in [\d.]+ m?s\.$/m);
      const pids = find(said(program), /^is up, as process (\d+)$/).map(({ match }) => Number(match));
      expect(pids.filter(isRunning)).to.deep.equal([]);
      expect(await left()).to.deep.equal([]);
    }).timeout(60_000);

  it('leaves nothing when a second Ctrl-C does not wait', async () => {
    const program = start();
    const pids = await allUp(program);
    program.kill('SIGINT', 'SIGINT');
    program.kill('SIGINT');
    await until(() => program.child.exitCode !== null, 30_000);
    await until(() => !pids.some(isRunning), 30_000);
    expect(await left()).to.deep.equal([]);
  }).timeout(90_000);

  it('ends its workers when it is killed itself', async () => {
    const program = start(await shared());
    const pids = await allUp(program);
    program.kill('SIGKILL');
    // Not before those have ended, too, that write to the same output.
    expect(await program.ended).to.include({ signal: 'SIGKILL', stderr: '' });
    await until(() => !pids.some(isRunning), 10_000);
    expect(find(said(program), /^ends: (The parent is gone)$/).map(({ who }) => who)).to.have.members(workers);
  }).timeout(60_000);
});
