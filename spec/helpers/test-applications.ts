import { launch, type Application, type Runnable } from 'rxjs-tasks';
import type { TestFleets } from './test-fleets.js';

/** The applications of a test, which end with it. */
export class TestApplications {
  private readonly fleets: Pick<TestFleets, 'scheduler'>;
  private readonly apps: Application[] = [];

  constructor(fleets: Pick<TestFleets, 'scheduler'>) {
    this.fleets = fleets;
  }

  /** Runs tasks until the end of the test. Returns an object, because an application is a promise. */
  readonly run = (...runnables: Runnable[]): { readonly app: Application } => {
    const app = launch(runnables, { scheduler: this.fleets.scheduler, observer: () => undefined });
    this.apps.push(app);
    return { app };
  };

  async stop(): Promise<void> {
    for (const app of this.apps.splice(0)) await app.stop();
  }
}
