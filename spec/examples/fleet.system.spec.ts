import { expect } from 'chai';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileProgram } from '../helpers/compile-program.js';
import { newSchema, sharedUrl } from '../helpers/fleet.js';
import { Program } from '../helpers/program.js';
import { withoutLateLines } from '../helpers/late-lines.js';
import { waitUntil } from '../helpers/wait.js';

const workers = ['ann', 'ben', 'cat'];

/** Parses the output of a program into lines, with the process that printed each. */
function linesOf({ stdout }: { stdout: string }): { name: string; text: string }[] {
  return [...stdout.matchAll(/^(\w+) +(.+)$/gm)].map(([, name = '', text = '']) => ({ name, text }));
}

/** Returns the lines that match, with their indexes and first groups. */
function find(lines: readonly { name: string; text: string }[], pattern: RegExp) {
  return lines.flatMap(({ name, text }, index) => {
    const match = pattern.exec(text);
    return match ? [{ name, index, match: match[1] ?? '' }] : [];
  });
}

/** Returns the seconds between successive slots. */
function steps(slots: readonly string[]): number[] {
  const seconds = slots.map((slot) => Date.parse(`2026-01-01T${slot}Z`) / 1000);
  return seconds.slice(1).map((second, index) => (second - (seconds[index] ?? 0) + 86_400) % 86_400);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('The fleet example', () => {
  const path = compileProgram('examples/fleet.ts');
  const programs: Program[] = [];
  let directory: string;
  const start = (env: NodeJS.ProcessEnv = {}) => {
    const inherited: NodeJS.ProcessEnv = { ...process.env, TMPDIR: directory };
    delete inherited['FLEET_URL'];
    const program = new Program(process.execPath, [path], { ...inherited, ...env });
    programs.push(program);
    return program;
  };
  const shared = async () => ({ FLEET_URL: await sharedUrl(), FLEET_SCHEMA: newSchema() });
  const allUp = async (program: Program) => {
    await program.waitFor('pictures wait');
    const up = find(linesOf(program), /^is up, as process (\d+)$/);
    expect(up.map(({ name }) => name)).to.have.members(workers);
    return up.map(({ match }) => Number(match));
  };
  /** Returns the files that the program has left. */
  const remainingFiles = () => readdir(directory);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'shop-'));
    // The database server of root runs as another user.
    await chmod(directory, 0o755);
  });
  afterEach(async () => {
    for (const program of programs) program.kill('SIGKILL');
    // A process that still writes to the directory would prevent its removal.
    await Promise.all(programs.splice(0).map(({ ended }) => ended));
    await rm(directory, { recursive: true, force: true });
  });

  it('loses no picture when one worker is killed and one is stopped, and ends all workers', async () => {
    const program = start(await shared());
    const pids = await allUp(program);
    const { code, stdout, stderr } = await program.ended;
    expect([code, withoutLateLines(stderr)]).to.deep.equal([0, '']);
    expect(stdout).to.match(/^Stopped by CancelledError: shop\/story has ended\. Clean, in [\d.]+ m?s\.$/m);
    expect(pids.filter(isRunning)).to.deep.equal([]);
    expect(await remainingFiles()).to.deep.equal([]);

    const lines = linesOf(program);
    const [count] = find(lines, /^(\d+) of \1 pictures are done, with \1 results$/);
    const done = find(lines, /^has resized (\S+\.jpg)/);
    expect(new Set(done.map(({ match }) => match)).size).to.equal(Number(count?.match));
    const shares = find(lines, /^has done (\d+)$/);
    expect(shares.map(({ name }) => name)).to.deep.equal(workers);
    expect(shares.reduce((sum, { match }) => sum + Number(match), 0)).to.equal(Number(count?.match));

    const [killed] = find(lines, /^SIGKILL for ben, who had done 2 of the 4 widths of (\S+)$/);
    const retried = done.filter(({ match }) => match === killed?.match);
    expect(retried).to.have.length(1);
    expect(retried[0]?.name).to.be.oneOf(['ann', 'cat']);
    expect(lines[retried[0]?.index ?? -1]?.text).to.match(/, in attempt 2$/);
    const afterwards = lines.slice(killed?.index).filter(({ name }) => name === 'ben');
    expect(afterwards.filter(({ text }) => !text.startsWith('has done'))).to.deep.equal([]);

    const [stopped] = find(lines, /^cat has ended with (exit code 0);/);
    expect(stopped).to.not.equal(undefined);
    expect(lines).to.deep.include({ name: 'cat', text: 'ends: Received SIGTERM' });
    expect(lines).to.deep.include({ name: 'ann', text: 'ends: The fleet was cancelled by shop: the show is over' });
    expect(lines).to.deep.include({ name: 'shop', text: 'ann has ended with exit code 0' });

    const slots = find(lines, /^counts the stock of (\S+)$/);
    const slotsAt = (predicate: (index: number) => boolean) =>
      slots.filter(({ index }) => predicate(index)).map(({ match }) => match);
    expect(new Set(slots.map(({ match }) => match)).size).to.equal(slots.length);
    // If ben was killed in a slot, his lease blocks the next slots until it expires.
    for (const part of [
      slotsAt((index) => index < (killed?.index ?? 0)),
      slotsAt((index) => index > (killed?.index ?? 0)),
    ]) {
      expect(part).to.have.length.above(0);
      expect(steps(part).filter((step) => step !== 2)).to.deep.equal([]);
    }
    expect(slotsAt((index) => index > (stopped?.index ?? Infinity))).to.have.length.above(0);
  });

  for (const [when, text] of [
    ['while its database starts', 'A PostgreSQL starts'],
    ['while pictures come in', 'has resized'],
  ] as const)
    it(`ends with all its processes at a Ctrl-C ${when}`, async () => {
      const program = start();
      await program.waitFor(text);
      program.kill('SIGINT');
      const { code, stdout, stderr } = await program.ended;
      expect([code, withoutLateLines(stderr)]).to.deep.equal([0, '']);
      expect(stdout).to.match(/^Stopped by SignalError: Received SIGINT\. Clean, in [\d.]+ m?s\.$/m);
      const pids = find(linesOf(program), /^is up, as process (\d+)$/).map(({ match }) => Number(match));
      expect(pids.filter(isRunning)).to.deep.equal([]);
      expect(await remainingFiles()).to.deep.equal([]);
    });

  it('leaves no process or file after a second Ctrl-C', async () => {
    const program = start();
    const pids = await allUp(program);
    program.kill('SIGINT', 'SIGINT');
    program.kill('SIGINT');
    await waitUntil(() => program.child.exitCode !== null);
    await waitUntil(() => !pids.some(isRunning));
    expect(await remainingFiles()).to.deep.equal([]);
  });

  it('ends its workers when it is killed', async () => {
    const program = start(await shared());
    const pids = await allUp(program);
    program.kill('SIGKILL');
    // `ended` waits for the workers, too, which write to the same output.
    const { signal, stderr } = await program.ended;
    expect([signal, withoutLateLines(stderr)]).to.deep.equal(['SIGKILL', '']);
    await waitUntil(() => !pids.some(isRunning));
    expect(find(linesOf(program), /^ends: (The parent is gone)$/).map(({ name }) => name)).to.have.members(workers);
  });
});
