import { ordered, supervise } from 'rxjs-tasks';
import { renderSvg } from 'rxjs-tasks/inspect';
import { scenario, script } from 'rxjs-tasks/testing';

/** Returns the picture of `docs/supervision.md`: failures in both hooks, growing waits, and the restart limit. */
export async function supervisionPicture(): Promise<string> {
  const failing = ['[ 200ms > 3s #', '[ 200ms #', '[ 200ms > 600ms #', '[ 200ms #'];
  const { recording } = await scenario({
    run: () => [
      ordered(
        'app',
        script('db', '[ 300ms > (!]) 200ms |'),
        supervise(script('consumer', failing), { backoff: { initial: 500, jitter: 0 }, maxRestarts: 3 }),
        script('http', '[ 100ms > (!]) 300ms |'),
      ),
    ],
    at: '2026-01-01T00:00:00Z',
  });
  return renderSvg(recording, {
    title: 'A consumer fails, is started again three times, and then stops all',
    width: 800,
  });
}
