import { expect } from 'chai';
import { compileProgram } from '../helpers/compile-program.js';
import { outcomesIn } from '../helpers/operators-day.js';
import { Program } from '../helpers/program.js';
import { pause, waitUntil } from '../helpers/wait.js';

const path = compileProgram('spec/fixtures/operators-day.ts');
let shop: Program;

/** Sends a line to the shop, and waits for its answer. */
async function command(line: string, answer: string): Promise<void> {
  shop.child.stdin?.write(`${line}\n`);
  await shop.waitFor(`${line}: ${answer}\n`);
}

/** Returns the lines that the shop has printed between two others. */
function linesBetween(first: string, last: string): string[] {
  const lines = shop.stdout.split('\n');
  const from = lines.indexOf(first);
  return lines.slice(from + 1, lines.indexOf(last, from));
}

describe("An operator's day on a real process", () => {
  beforeEach(async () => {
    shop = new Program(process.execPath, [path]);
    await shop.waitFor('ready');
  });

  afterEach(() => shop.child.kill('SIGKILL'));

  it('runs, pauses, moves, adds, replaces, removes and restarts what was asked for, until a SIGTERM', async () => {
    shop.kill('SIGUSR2');
    await shop.waitFor('shop/report triggered by SIGUSR2');
    await command('trigger me', '["manual","skipped","overlap"]');
    await command('deliver', 'undefined');
    await shop.waitFor('trigger SIGUSR2: ["manual","completed",null]');

    await shop.waitFor('cleanup runs');
    await command('pause', 'undefined');
    await command('next', '0');
    await pause(100);
    await command('reschedule 10', 'undefined');
    await command('resume', 'undefined');
    await shop.waitFor('shop/cleanup missed slots: paused');
    expect(linesBetween('shop/cleanup paused by operator', 'shop/cleanup resumed by operator')).to.deep.equal([
      'pause: undefined',
      'next: 0',
      'shop/cleanup rescheduled by operator',
      'reschedule 10: undefined',
    ]);
    const { length } = shop.stdout;
    await waitUntil(() => shop.stdout.slice(length).includes('cleanup runs'));

    await command('add acme', '"running"');
    await command('add bolt', '"running"');
    await command('add bolt', "RangeError: Expected `key` to be the key of no other member, got `'bolt'` (string)");
    await command('replace acme', '"cancelled"');
    await command('remove bolt', '"cancelled"');
    await command('restart', '"cancelled"');
    const hooks = () => shop.stdout.split('\n').filter((line) => /^(acme|bolt|mail) /.test(line));
    await waitUntil(() => hooks().length === 8);
    expect(hooks().join()).to.equal(
      'mail opens,acme opens,bolt opens,acme closes,acme opens,bolt closes,mail closes,mail opens',
    );

    shop.kill('SIGTERM');
    const { code, stdout, stderr } = await shop.ended;
    expect([code, stderr]).to.deep.equal([0, '']);
    const report = stdout.slice(stdout.indexOf('Stopped by'));
    expect(report).to.match(/^Stopped by SignalError: Received SIGTERM\. Clean, in \d+ ms\.$/m);
    const outcomes = outcomesIn(report);
    expect(outcomes.filter((outcome) => !/^operator|^shop\/cleanup/.test(outcome))).to.deep.equal([
      'shop: cancelled',
      'shop/db: cancelled',
      'shop/cache: cancelled',
      'shop/broker: cancelled',
      'shop/workers: cancelled',
      'shop/workers/mail: cancelled, restarts 1',
      'shop/workers/stock: cancelled',
      'shop/workers/search: cancelled',
      'shop/workers/audit: cancelled',
      'shop/metrics: cancelled, optional',
      'shop/report: cancelled, runs 1, skipped 1',
      'shop/tenants: cancelled, children 3',
      'shop/tenants/acme: cancelled',
      'shop/gateway: cancelled',
      'shop/http: cancelled',
    ]);
    expect(outcomes.join('\n')).to.match(/^shop\/cleanup: cancelled, runs \d+, missed \d+$/m);
  });

  it('cancels a triggered run at a SIGINT, and waits for it before it stops what the run needs', async () => {
    shop.kill('SIGUSR2');
    await shop.waitFor('shop/report triggered by SIGUSR2');
    shop.kill('SIGINT');
    const { code, stdout, stderr } = await shop.ended;
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(linesBetween('gateway closes', 'broker closes')).to.include('report ends');
    expect(stdout).to.include('trigger SIGUSR2: ["manual","cancelled",null]');
    expect(stdout).to.match(/^ {2}shop\/report +cancelled, runs 1 /m);
  });
});
