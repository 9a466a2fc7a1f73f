import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { endWith, forkJoin, NEVER, race, startWith, switchMap, takeUntil, timer, type Observable } from 'rxjs';
import { applicationOf, type ApplicationInfo } from '../../app/application-info.js';
import { toContext } from '../../context/abort-signal-context.js';
import type { RunContext } from '../../context/types.js';
import { toRecorded } from '../../recording/to-recorded.js';
import { optional as toOptional } from '../../supervision/optional.js';
import { taskRunner } from '../../task/runner.js';
import { task } from '../../task/task.js';
import { enclosingRun } from '../../task/enclosing-run.js';
import type { TaskRunner } from '../../task/types.js';
import { maxTimerMs } from '../../util/timer.js';
import { urlOf } from '../../util/url-of.js';
import { actionRoute } from './action-route.js';
import { stateOf } from './app-state.js';
import { createAuth } from './auth.js';
import { EventLog } from './event-log.js';
import { readInspectorOptions, type InspectorOptions } from './inspector-options.js';
import { fleetParts } from './fleet-parts.js';
import { JobMessages } from './job-messages.js';
import { closeServer, createServer } from './limited-server.js';
import { queueActions } from './queue-action-request.js';
import { routes } from './routes.js';
import { RunLogs } from './run-logs.js';
import { SseClients } from './sse-clients.js';
import { taskActions } from './task-actions.js';
import { taskDetails } from './task-details.js';

/**
 * Creates a task that serves the state of its application: at `/` a page with a live timeline; for programs `/livez`
 * and `/readyz` (200 or 503, for Kubernetes), `/snapshot` and `/task?path=…` (JSON), and `/events` (server-sent events,
 * which continue after `Last-Event-ID`). It is read-only unless it has `actions`, and its result is its URL.
 *
 * It is an `optional` task: if it cannot listen, it fails alone, and the application goes on.
 *
 * With `inspector({ port, fleet })` the page has a section for the fleet, and `/fleet` has its state as JSON. The
 * database is queried at most once a second, for any number of clients. `/fleet/queues/<name>/jobs` has the jobs of a
 * queue without their data, and `/jobs/<id>` below it has one job. Inputs, outputs, progress and the messages of
 * failures need `showData`.
 *
 * With `inspector({ port, actions: true, token })` the page has buttons, and a POST of JSON to `/actions` controls
 * tasks: `{ "action": "trigger", "path": "app/report" }`. The actions are `trigger`, `pause`, `resume` and `reschedule`
 * (to a `schedule`, after a `preview`) of a cron, `restart` of a supervised task, and `remove` of a member of a dynamic
 * group. With a `queue` instead of the `path` they are `redrive`, `pause-queue` and `resume-queue`, and with its `job`,
 * too, `retry-job`, `promote-job` and `remove-job`. The `by` of their events is that of the request, or `'inspector'`.
 * `/snapshot` lists the actions of each task.
 *
 * The answer is JSON: 200 when the action is done, 202 when it has begun. An error is 400 if the action does not
 * apply, 404 for an unknown task, queue or job, 409 if the task is not running or the job is in another state. The
 * request needs the token in its `Authorization` header. Its `Origin`, if it has one, is the inspector's own, so a
 * proxy must pass on the `Host` header.
 *
 * Pass it to `orchestrate`, `launch` or `runMain` first, so that it sees the start of all other tasks. When the
 * application is cancelled, it continues until the other tasks have ended, at most for half of the application's
 * `timeout`. Then it closes all connections.
 *
 * @throws RangeError or TypeError for an invalid option, and for `actions` or a host beyond loopback without a token.
 *
 * @example
 * ```ts
 * import { firstValueFrom } from 'rxjs';
 * import { launch, task } from 'rxjs-tasks';
 * import { inspector } from 'rxjs-tasks/inspect';
 *
 * const inspect = inspector({ port: 0 });
 * const url = firstValueFrom(inspect.results$);
 * const app = launch([inspect, task('worker', async (ctx) => firstValueFrom(ctx.cancelled$))]);
 * const response = await fetch(`${await url}readyz`);
 * console.log(response.status, await response.json()); // → 200 { ready: true }
 * await app.stop();
 * ```
 */
export function inspector(options: InspectorOptions): TaskRunner<string> {
  const { port, host, token, hosts, basePath, history, fleet, showData, actions, optional } =
    readInspectorOptions(options);
  const auth = createAuth(host, hosts, token);
  const hasQueues = fleet?.queue !== undefined;
  const actionNames = actions ? [...taskActions, ...(hasQueues ? queueActions : [])] : undefined;

  let close: () => Promise<void> = () => Promise.resolve();
  let url = '';
  const inspect = task<string>('inspector', {
    grace: Infinity,
    async initialize(ctx) {
      const application = applicationIn(ctx);
      const boot = randomBytes(6).toString('hex');
      const log = new EventLog(history);
      const clients = new SseClients(log, boot);
      const now = () => ctx.scheduler.now();
      const jobMessages = showData ? undefined : new JobMessages();
      const logs = new RunLogs(jobMessages);
      const subscription = application.events$.subscribe(({ event, run: source }) => {
        jobMessages?.onEvent(source);
        // An event without a run is that of a custom runner, which may have any properties.
        if (!source || !log.addAsNumbers(event))
          log.add(jobMessages?.toRecorded(event, now(), source) ?? toRecorded(event, now()));
        clients.scheduleFlush();
      });
      subscription.add(application.runEnds$.subscribe((ended) => logs.add(ended)));
      subscription.add(() => logs.end());
      const parts = { boot, hasFleet: fleet !== undefined, actions: actionNames, jobMessages };
      const state = () => stateOf(application, now(), parts);
      const details = (path: string) => taskDetails(application.runners, logs, path);
      const run = enclosingRun(toContext(ctx));
      const fleetRoutes = fleetParts(fleet, showData, now, (performed) => {
        // The database may answer after the end.
        if (server.listening) run?.emit({ type: 'operated', ...performed });
      });
      const performAction = actions ? actionRoute(application.runners, fleetRoutes.performQueueAction) : undefined;
      const listener = routes({
        application,
        auth,
        clients,
        basePath,
        state,
        details,
        fleet: fleetRoutes.state,
        queues: fleetRoutes.queues,
        performAction,
      });
      const server = createServer(listener);
      close = async () => {
        close = () => Promise.resolve();
        subscription.unsubscribe();
        clients.end();
        await closeServer(server);
      };
      await once(server.listen(port, host), 'listening');
      // A later error, such as too many open files, does not fail the application.
      server.on('error', () => undefined);
      url = `${urlOf(server)}${basePath}/`;
    },
    execute: (ctx) => NEVER.pipe(startWith(url), takeUntil(othersEnded(ctx))),
    finalize: () => close(),
  });
  return optional ? toOptional(inspect) : taskRunner(inspect);
}

function applicationIn(ctx: RunContext): ApplicationInfo {
  const application = applicationOf(ctx);
  if (!application)
    throw new Error(`${ctx.task} is not part of an application: pass it to orchestrate, launch or runMain`);
  return application;
}

/** Emits after the cancel, once the other tasks have ended or half of the timeout has passed. */
function othersEnded(ctx: RunContext): Observable<unknown> {
  const { runners, timeout } = applicationIn(ctx);
  const contains = (name: string) => ctx.task === name || ctx.task.startsWith(`${name}/`);
  return ctx.cancelled$.pipe(
    switchMap(() => {
      const others = runners.filter((runner) => !contains(runner.toString()) && runner.status !== 'idle');
      const ended$ = forkJoin(others.map(({ done$ }) => done$)).pipe(endWith([]));
      return race(ended$, timer(Math.min(timeout / 2, maxTimerMs), ctx.scheduler));
    }),
  );
}
