import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { lastValueFrom } from 'rxjs';
import { launch } from 'rxjs-tasks';
import { connectFleet } from 'rxjs-tasks/fleet';
import { connectError } from '../helpers/fleet.js';
import { startPostgres, statement, type Postgres } from '../helpers/postgres.js';
import { waitUntil } from '../helpers/wait.js';

const certificatePath = 'spec/fixtures/http/certificate.pem';

describe('a server with TLS', () => {
  let server: Postgres;

  before(async () => {
    server = await startPostgres();
    for (const [file, path] of [
      ['server.crt', certificatePath],
      ['server.key', 'spec/fixtures/http/key.pem'],
    ] as const) {
      const lines = (await readFile(path, 'utf8')).trim().split('\n');
      const values = lines.map((line) => `('${line}')`).join();
      await statement(
        server.url,
        `copy (select * from (values ${values}) line) to program 'cat > ${file}; chmod 600 ${file}'`,
      );
    }
    await statement(server.url, 'alter system set ssl = on');
    await statement(server.url, 'select pg_reload_conf()');
    await waitUntil(async () => {
      const [row] = await statement<{ ssl: string }>(server.url, 'show ssl');
      return row?.ssl === 'on';
    });
  });
  after(() => server.remove());

  it('is reached with the certificate of its authority, by all connections', async () => {
    const { hostname: host, port, username: user, password, pathname } = new URL(server.url);
    const ssl = { ca: await readFile(certificatePath, 'utf8') };
    for (const options of [
      { url: `${server.url}?sslmode=verify-full&sslrootcert=${certificatePath}` },
      { connection: { host, port: Number(port), user, password, database: pathname.slice(1), ssl } },
    ]) {
      const fleet = await connectFleet({ ...options, name: 'encrypted' });
      const queue = fleet.queue<number, number>('squares');
      const app = launch([queue.worker((n) => n * n)]);
      expect(await lastValueFrom(queue.submit(7))).to.equal(49);
      const connections = await statement<{ ssl: boolean }>(
        server.url,
        "select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'encrypted'",
      );
      expect(connections.length).to.be.at.least(2);
      expect(connections.every(({ ssl: encrypted }) => encrypted)).to.equal(true);
      await app.stop();
      await fleet.close();
    }
  });

  it('is refused at once if its certificate is not trusted', async () => {
    const error = await connectError({ url: `${server.url}?sslmode=verify-full`, connectTimeout: Infinity });
    expect(error.message).to.match(/refuses the connection: self-signed certificate$/);
  });
});
