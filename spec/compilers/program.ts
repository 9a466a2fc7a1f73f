import { createServer } from 'node:http';
import { lastValueFrom, type Observable } from 'rxjs';
import { cron, future, launch, ordered, supervise, task, type Application, type TaskRunner } from 'rxjs-tasks';
import { connectFleet, type Queue } from 'rxjs-tasks/fleet';
import { httpServer } from 'rxjs-tasks/http';
import { inspector } from 'rxjs-tasks/inspect';
import { telemetry } from 'rxjs-tasks/otel';
import { scenario, virtualClock } from 'rxjs-tasks/testing';
import { threadPool } from 'rxjs-tasks/threads';

const answer: PromiseLike<number> = future(() => Promise.resolve(42));
const runner: TaskRunner<number> = supervise(task('answer', () => answer));
const threads = threadPool({ threads: 1 });
const square$: Observable<number> = threads.run<number>('file:///square.js', 7);

export async function main(): Promise<Application> {
  const fleet = await connectFleet({ url: 'postgres://localhost/shop' });
  const squares: Queue<number, number> = fleet.queue('squares');
  const report = cron(
    task('report', () => lastValueFrom(squares.submit(7))),
    '@daily',
  );
  const server = httpServer(createServer(), { port: 0 });
  return launch([ordered('app', fleet, threads, runner, report, server), inspector({ port: 0 })], {
    instrumentation: [telemetry()],
  });
}
export const tested: readonly unknown[] = [scenario, virtualClock('2026-03-29'), square$];
