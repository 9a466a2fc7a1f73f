import type { DynamicModule } from '@nestjs/common';
import { HttpAdapterHost, NestFactory } from '@nestjs/core';
import { expect } from 'chai';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { EMPTY, NEVER, timer } from 'rxjs';
import { cron, task, taskRunner, type Runnable } from 'rxjs-tasks';
import { httpServer } from 'rxjs-tasks/http';
import { TasksModule, type TasksDefinition } from '../../examples/recipes/nest.js';
import { compileProgram } from '../helpers/compile-program.js';
import { Program } from '../helpers/program.js';
import { deferred } from '../helpers/tasks.js';
import { RawClient } from '../http/helpers.js';

/** Records the calls of its methods. */
class Database {
  readonly done: string[] = [];

  onModuleDestroy() {
    this.done.push('module destroyed');
  }

  onApplicationShutdown() {
    this.done.push('disconnected');
  }
}

function create(useFactory: (database: Database) => Runnable[], options?: Partial<TasksDefinition>) {
  return contextOf(TasksModule.of({ ...options, providers: [Database], inject: [Database], useFactory }));
}

function contextOf(module: DynamicModule) {
  return NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
}

describe('Tasks in a NestJS application', () => {
  it('start after the bootstrap, and run the methods of their provider', async () => {
    const nest = await create((database) => [
      cron(
        task('vacuum', () => database.done.push('vacuumed')),
        60_000,
      ),
    ]);
    expect(nest.get(Database).done).to.deep.equal(['vacuumed']);
    await nest.close();
  });

  it('end before the providers that they use are disconnected', async () => {
    const nest = await create((database) => [
      task('worker', {
        execute: () => NEVER,
        async finalize() {
          await delay(5);
          database.done.push('worker ended');
        },
      }),
    ]);
    await nest.close();
    expect(nest.get(Database).done).to.deep.equal(['module destroyed', 'worker ended', 'disconnected']);
  });

  it('report whether they are ready', async () => {
    const nest = await create(() => [task('server', { initialize: () => timer(5), execute: () => NEVER })]);
    const { app } = nest.get(TasksModule);
    const readiness: boolean[] = [];
    await new Promise<void>((resolve) => {
      app?.ready$.subscribe((ready) => {
        readiness.push(ready);
        if (ready) resolve();
      });
    });
    await nest.close();
    expect(readiness).to.deep.equal([false, true, false]);
  });

  it('are named in the log when they did not end well, and the shutdown continues', async () => {
    const nest = await create(() => [task('stuck', () => new Promise<never>(() => undefined))], { timeout: 5 });
    const logged: unknown[] = [];
    const error = (reason: unknown) => logged.push(String(reason));
    nest.useLogger({ log: error, warn: error, error });
    await nest.close();
    expect(logged).to.have.lengthOf(1);
    expect(logged[0]).to.match(/stuck +timed-out/);
    expect(nest.get(Database).done).to.include('disconnected');
  });

  it('leave the application running when they end by themselves, and can be awaited', async () => {
    const nest = await create(() => [task('migration', () => EMPTY)]);
    expect(await nest.get(TasksModule).app).to.include({ clean: true });
    await nest.close();
    expect(nest.get(Database).done).to.include('disconnected');
  });

  it('are not started when the bootstrap fails', async () => {
    let started = false;
    const module = TasksModule.of({
      providers: [{ provide: 'broken', useFactory: () => Promise.reject(new Error('no database')) }],
      inject: ['broken'],
      useFactory: () => [task('never', () => (started = true))],
    });
    const failure = await contextOf(module).catch((error: unknown) => error);
    expect(String(failure)).to.equal('Error: no database');
    expect(started).to.equal(false);
  });

  it('include the HTTP server of Nest, which answers before the providers are disconnected', async () => {
    const listening = deferred<string>();
    const accepted = deferred<undefined>();
    const answer = deferred<string>();
    const slow = (_: unknown, response: { end(text: string): void }) => {
      accepted.resolve(undefined);
      void answer.promise.then((text) => response.end(text));
    };
    const module = TasksModule.of({
      timeout: 600_000,
      providers: [Database],
      inject: [HttpAdapterHost],
      useFactory: ({ httpAdapter }: HttpAdapterHost) => {
        const http = taskRunner(
          httpServer(() => httpAdapter.getHttpServer() as Server, { port: 0, host: '127.0.0.1' }),
        );
        http.results$.subscribe(listening.resolve);
        return [http];
      },
    });
    const nest = await NestFactory.create(module, { logger: false, abortOnError: false });
    nest.use('/slow', slow);
    await nest.init();
    const url = await listening.promise;
    const unused = new RawClient(Number(new URL(url).port));
    await once(unused.socket, 'connect');
    const response = fetch(`${url}/slow`);
    await accepted.promise;
    const closed = nest.close();
    await unused.closed;
    expect(nest.get(Database).done).to.deep.equal(['module destroyed']);
    answer.resolve('done');
    expect(await (await response).text()).to.equal('done');
    await closed;
    expect(nest.get(Database).done).to.deep.equal(['module destroyed', 'disconnected']);
  });

  describe('as a process', () => {
    it('end at a SIGTERM, before the providers that they use, and then the process ends by that signal', async () => {
      const program = new Program(process.execPath, [compileProgram('spec/fixtures/nest.ts')]);
      await program.waitFor('up');
      program.kill('SIGTERM');
      const { signal, stdout, stderr } = await program.ended;
      expect([signal, stderr]).to.deep.equal(['SIGTERM', '']);
      expect(stdout.trimEnd().split('\n')).to.deep.equal(['sending', 'up', 'closed', 'disconnected after SIGTERM']);
    });
  });
});
