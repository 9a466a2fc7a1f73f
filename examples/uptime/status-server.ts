import { skip, take, takeUntil, type BehaviorSubject } from 'rxjs';
import { untilCancelled, type Task } from 'rxjs-tasks';
import { jsonServer } from '../shared/json-server.js';
import type { Summary } from './statistics.js';

/** Serves the status on loopback, at `/status`. */
export function statusServer(port: number, status$: BehaviorSubject<readonly Summary[]>): Task<string> {
  return jsonServer('status server', { host: '127.0.0.1', port }, ({ ctx, request, closed$, reply }) => {
    const replyStatus = () => reply(200, { targets: status$.value });
    switch (`${request.method} ${request.url}`) {
      case 'GET /status':
        return replyStatus();
      case 'GET /status?wait=next':
        // After a cancel there is no next round, so the answer is the last one.
        status$.pipe(skip(1), take(1), untilCancelled(ctx), takeUntil(closed$)).subscribe({ complete: replyStatus });
        return;
      default:
        return reply(404, { error: 'Expected /status or /status?wait=next' });
    }
  });
}
