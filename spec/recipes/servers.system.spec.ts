import { expect } from 'chai';
import fastify from 'fastify';
import { Hono } from 'hono';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { launch, task, taskRunner, type Application, type LaunchOptions, type Task } from 'rxjs-tasks';
import { virtualClock } from 'rxjs-tasks/testing';
import { fastifyServer, honoServer, nodeServer, type Address } from '../../examples/recipes/servers.js';
import { httpRequest } from '../helpers/http.js';
import { deferred } from '../helpers/tasks.js';

/**
 * The routes of each server: `/readyz` reports whether the application is ready; the spec decides when `/slow` answers.
 */
interface Service {
  readiness(): 200 | 503;
  slow(): Promise<string>;
}

const servers: Record<string, (address: Address, service: Service) => Task<string>> = {
  'node:http': (address, service) =>
    nodeServer('http', address, (request, response) => {
      if (request.url === '/readyz') response.writeHead(service.readiness()).end();
      else void service.slow().then((text) => response.end(text));
    }),

  Fastify: (address, service) =>
    fastifyServer('http', address, () => {
      const app = fastify();
      app.get('/readyz', (_, reply) => reply.code(service.readiness()).send());
      app.get('/slow', () => service.slow());
      return app;
    }),

  Hono: (address, service) => {
    const app = new Hono();
    app.get('/readyz', (c) => c.text('', service.readiness()));
    app.get('/slow', async (c) => c.text(await service.slow()));
    return honoServer('http', address, app);
  },
};

for (const [library, make] of Object.entries(servers)) {
  describe(`A ${library} server as a task`, () => {
    let app: Application;
    let accepted: ReturnType<typeof deferred<undefined>>;
    let answer: ReturnType<typeof deferred<string>>;
    const service: Service = {
      readiness: () => (app.ready ? 200 : 503),
      slow() {
        accepted.resolve(undefined);
        return answer.promise;
      },
    };

    beforeEach(() => {
      accepted = deferred();
      answer = deferred();
    });

    async function start(options: LaunchOptions = {}): Promise<string> {
      const runner = taskRunner(make({ port: 0, host: '127.0.0.1' }, service));
      const url = new Promise<string>((resolve) => void runner.results$.subscribe(resolve));
      // Less than the time for which these servers keep an idle connection.
      app = launch([runner], { timeout: 3000, ...options });
      return url;
    }

    it('answers a request that is pending at the cancel, accepts no other, and ends cleanly', async () => {
      const url = await start();
      // Leaves an idle connection.
      expect((await fetch(`${url}/readyz`)).status).to.equal(200);
      const slow = fetch(`${url}/slow`);
      await accepted.promise;
      const ended = app.stop();
      answer.resolve('done');
      expect(await (await slow).text()).to.equal('done');
      const { clean, outcomes } = await ended;
      expect([clean, outcomes.map(({ status }) => status)]).to.deep.equal([true, ['cancelled']]);
      const refused = await httpRequest(url).catch((error: unknown) => error);
      expect(refused).to.have.property('code', 'ECONNREFUSED');
    });

    it('is not ready during the drain, and still answers', async () => {
      const clock = virtualClock();
      const url = await start({ drainDelay: 500, scheduler: clock });
      const ended = app.stop();
      answer.resolve('as usual');
      expect((await fetch(`${url}/readyz`)).status).to.equal(503);
      expect(await (await fetch(`${url}/slow`)).text()).to.equal('as usual');
      clock.advance(500);
      expect((await ended).clean).to.equal(true);
    });

    it('fails when its port is taken', async () => {
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      const { port } = other.address() as AddressInfo;
      const report = await launch([make({ port, host: '127.0.0.1' }, service)], { observer: {} });
      other.close();
      expect(report.outcomes[0]?.error).to.include({ task: 'http', phase: 'initialize' });
      expect(report.outcomes[0]?.error?.cause).to.have.property('code', 'EADDRINUSE');
    });

    it('can be started again', async () => {
      const runner = taskRunner(make({ port: 0, host: '127.0.0.1' }, service));
      for (let run = 1; run <= 2; run++) {
        const stopper = task('stopper', (_, cancel) => runner.ready$.subscribe(() => cancel()));
        expect((await launch([runner, stopper])).clean).to.equal(true);
      }
    });
  });
}
