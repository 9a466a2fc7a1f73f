import { firstValueFrom } from 'rxjs';
import { launch, type Application, type LaunchOptions, type Runnable } from '../../lib/index.js';
import { inspector, type InspectorOptions } from '../../lib/inspect/index.js';

/** An application with an inspector, and the inspector's URL. */
export interface InspectedApp {
  readonly app: Application;
  readonly url: string;
}

type StartInspected = (
  tasks: readonly Runnable[],
  options?: LaunchOptions,
  inspectorOptions?: Partial<InspectorOptions>,
) => Promise<InspectedApp>;

/** Returns a function that starts an application with an inspector. The suite stops the applications of each spec. */
export function inspectedApps(): StartInspected {
  const running: Application[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((app) => app.stop()));
  });
  return async (tasks, options = {}, inspectorOptions = {}) => {
    const runner = inspector({ port: 0, ...inspectorOptions });
    const url = firstValueFrom(runner.results$);
    const app = launch([runner, ...tasks], { observer: () => undefined, ...options });
    running.push(app);
    return { app, url: await url };
  };
}
