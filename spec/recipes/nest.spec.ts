import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import { EMPTY, NEVER, timer } from 'rxjs';
import { cron, task, type Runnable } from 'rxjs-tasks';
import { TasksModule, type TasksDefinition } from '../../examples/recipes/nest.js';
import { Program } from '../helpers/program.js';

/** Notes what is done with it. */
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
  it('start when it has bootstrapped, with what their provider does', async () => {
    const nest = await create((database) => [
      cron(
        task('vacuum', () => database.done.push('vacuumed')),
        60_000,
      ),
    ]);
    expect(nest.get(Database).done).to.deep.equal(['vacuumed']);
    await nest.close();
  });

  it('have ended before what they use is disconnected', async () => {
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

  it('say whether they are ready', async () => {
    const nest = await create(() => [task('server', { initialize: () => timer(5), execute: () => NEVER })]);
    const { app } = nest.get(TasksModule);
    const told: boolean[] = [];
    await new Promise<void>((resolve) => {
      app?.ready$.subscribe((ready) => {
        told.push(ready);
        if (ready) resolve();
      });
    });
    await nest.close();
    expect(told).to.deep.equal([false, true, false]);
  });

  it('are named in its log when they have not ended well, and its shutdown goes on', async () => {
    const nest = await create(() => [task('stuck', () => new Promise<never>(() => undefined))], { timeout: 5 });
    const logged: unknown[] = [];
    const error = (reason: unknown) => logged.push(String(reason));
    nest.useLogger({ log: error, warn: error, error });
    await nest.close();
    expect(logged).to.have.lengthOf(1);
    expect(logged[0]).to.match(/stuck +timed-out/);
    expect(nest.get(Database).done).to.include('disconnected');
  });

  it('that end by themselves leave it running, and can be waited for', async () => {
    const nest = await create(() => [task('migration', () => EMPTY)]);
    expect(await nest.get(TasksModule).app).to.include({ clean: true });
    await nest.close();
    expect(nest.get(Database).done).to.include('disconnected');
  });

  it('are not started when it does not bootstrap', async () => {
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

  describe('as a process', () => {
    it('end at a SIGTERM, then what they use, then the process by that signal', async () => {
      const program = new Program(process.execPath, ['--import', 'tsx', 'spec/fixtures/nest.ts']);
      await program.says('up');
      program.kill('SIGTERM');
      const { signal, stdout, stderr } = await program.ended;
      expect([signal, stderr]).to.deep.equal(['SIGTERM', '']);
      expect(stdout.trimEnd().split('\n')).to.deep.equal(['sending', 'up', 'closed', 'disconnected after SIGTERM']);
    });
  });
});
