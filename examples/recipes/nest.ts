/**
 * Tasks within a NestJS application: providers hand in their crons, Nest starts them when it has bootstrapped, and they have ended
 * before it shuts down. Decorators are called as the functions they are, so that nothing has to be compiled for them.
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

/** What to run, made of the providers that are injected, and how. */
export interface TasksDefinition extends LaunchOptions, Pick<ModuleMetadata, 'imports' | 'providers'> {
  readonly inject?: FactoryProvider['inject'];
  readonly useFactory: FactoryProvider<readonly Runnable[]>['useFactory'];
}

const applicationFactory = Symbol('applicationFactory');

export class TasksModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** Once Nest has bootstrapped. */
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

  /** Nest logs what a hook throws, and goes on with its shutdown. */
  async beforeApplicationShutdown(signal?: string): Promise<void> {
    const report = await this.app?.stop(signal && new SignalError(signal as NodeJS.Signals));
    if (report?.clean === false) throw new Error(String(report));
  }
}

Module({})(TasksModule);
Inject(applicationFactory)(TasksModule, undefined, 0);
