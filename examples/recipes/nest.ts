/**
 * Tasks in a NestJS application: providers contribute their crons, Nest starts them after its bootstrap, and they end
 * before it shuts down. Decorators are called as plain functions, so that they need no compiler.
 */
import 'reflect-metadata';
import {
  Inject,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type FactoryProvider,
  type ModuleMetadata,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { launch, SignalError, type Application, type LaunchOptions, type Runnable } from 'rxjs-tasks';

/** The tasks to run, made from injected providers, and their options. */
export interface TasksDefinition extends LaunchOptions, Pick<ModuleMetadata, 'imports' | 'providers'> {
  readonly inject?: FactoryProvider['inject'];
  readonly useFactory: FactoryProvider<readonly Runnable[]>['useFactory'];
}

const applicationFactory = Symbol('applicationFactory');

export class TasksModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** Set after Nest's bootstrap. */
  app: Application | undefined;
  private readonly start: () => Application;

  constructor(start: () => Application) {
    this.start = start;
  }

  static of({ imports = [], providers = [], inject = [], useFactory, ...options }: TasksDefinition): DynamicModule {
    const start = (runnables: readonly Runnable[]) => () => launch(runnables, options);
    return {
      module: TasksModule,
      imports,
      providers: [
        ...providers,
        {
          provide: applicationFactory,
          inject,
          useFactory: async (...injected: unknown[]) => start(await useFactory(...injected)),
        },
      ],
    };
  }

  onApplicationBootstrap(): void {
    this.app = this.start();
  }

  /** Throws a report that is not clean, because Nest logs the errors of hooks and continues its shutdown. */
  async beforeApplicationShutdown(signal?: string): Promise<void> {
    const report = await this.app?.stop(signal && new SignalError(signal as NodeJS.Signals));
    if (report?.clean === false) throw new Error(String(report));
  }
}

Module({})(TasksModule);
Inject(applicationFactory)(TasksModule, undefined, 0);
