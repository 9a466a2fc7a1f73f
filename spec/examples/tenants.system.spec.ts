import { expect } from 'chai';
import { compileProgram } from '../helpers/compile-program.js';
import { Program } from '../helpers/program.js';
import { waitUntil } from '../helpers/wait.js';

interface Listed {
  readonly id: string;
  readonly nextRun?: string;
  readonly history?: { readonly runs: number; readonly last?: { readonly trigger: string } };
}

let program: Program;
let url: string;

/** Sends a request to the example. */
async function send(method: string, path: string, row?: object): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url + path, { method, ...(row && { body: JSON.stringify(row) }) });
  return { status: response.status, body: await response.json() };
}

describe('The tenants example', () => {
  before(async () => {
    program = new Program(process.execPath, [compileProgram('examples/tenants.ts')], {
      ...process.env,
      PORT: '0',
      POLL_MS: '20',
    });
    await program.waitFor('Listening at ');
    url = /Listening at (\S+)/.exec(program.stdout)?.[1] ?? '';
  });

  after(() => program.child.kill('SIGKILL'));

  it('starts a tenant for each row of its database', async () => {
    await program.waitFor('acme is added\nbolt is added');
  });

  it('applies what is edited in the table, while it runs', async () => {
    expect((await send('PUT', '/tenants/acme', { schedule: '0 0 1 1 *' })).status).to.equal(200);
    await program.waitFor('acme is rescheduled to 0 0 1 1 *, UTC');
    const listed = (await send('GET', '/tenants')).body as Listed[];
    expect(listed.map(({ id }) => id)).to.deep.equal(['acme', 'bolt']);
    expect(listed[0]?.nextRun).to.match(/^\d{4}-01-01T00:00:00\.000Z$/);

    await send('PUT', '/tenants/acme', { region: 'us' });
    await program.waitFor('acme is replaced, now in us');
    await send('PUT', '/tenants/bolt', { paused: true });
    await program.waitFor('bolt is paused');
    await send('PUT', '/tenants/cozy', { schedule: '* * * * * *' });
    await program.waitFor('cozy is added');
    await program.waitFor('cozy in eu: import 1');
    await send('DELETE', '/tenants/cozy');
    await program.waitFor('cozy is removed');
  });

  it('runs an import on request, and has it in its history', async () => {
    const { status, body } = await send('POST', '/tenants/bolt/import');
    expect(status).to.equal(200);
    expect(body).to.include({ trigger: 'manual', status: 'completed' });
    const bolt = ((await send('GET', '/tenants')).body as Listed[]).find(({ id }) => id === 'bolt');
    expect(bolt?.history?.last?.trigger).to.equal('manual');
    expect(bolt).to.not.have.property('nextRun');
  });

  it('answers what it cannot do with a reason', async () => {
    const wrong = await send('PUT', '/tenants/acme', { schedule: 'every day' });
    expect(wrong.status).to.equal(400);
    expect(JSON.stringify(wrong.body)).to.include('Expected `schedule` to be');
    expect(await send('PUT', '/tenants/acme', { timezone: 1 })).to.deep.equal({
      status: 400,
      body: { error: 'Error: Expected `timezone` to be a string' },
    });
    for (const [path, body] of [
      ['acme', 'not JSON'],
      ['acme', '5'],
      ['new', '{"paused":"perhaps"}'],
      ['a%2Fb', '{}'],
      ['%', '{}'],
    ] as const)
      expect((await fetch(`${url}/tenants/${path}`, { method: 'PUT', body })).status, `${path} ${body}`).to.equal(400);
    expect(((await send('GET', '/tenants')).body as Listed[]).map(({ id }) => id)).to.not.include('new');
    // It may take some time to end.
    await waitUntil(async () => (await send('POST', '/tenants/cozy/import')).status === 404);
    expect((await send('DELETE', '/tenants/cozy')).status).to.equal(404);
    expect((await send('GET', '/nowhere')).status).to.equal(404);
  });

  it('stops its tenants before its database at a SIGTERM', async () => {
    program.kill('SIGTERM');
    const { code, stdout } = await program.ended;
    expect(code).to.equal(0);
    const report = stdout.slice(stdout.indexOf('Stopped by'));
    expect(report).to.match(/^Stopped by SignalError: Received SIGTERM\. Clean, in /);
    const rows = report.split('\n').map((row) => row.trim().split(/ {2,}/).slice(0, 2));
    expect(rows.map(([task]) => task)).to.include.members([
      'saas',
      'saas/database',
      'saas/tenants',
      'saas/tenants/acme/connection',
      'saas/tenants/acme/import',
      'saas/tenants/bolt/import',
      'saas/table',
      'saas/http',
    ]);
    expect(rows.find(([task]) => task === 'saas/tenants')?.[1]).to.equal('cancelled, children 4');
    expect(report).to.not.include('cozy');
  });
});
