import { expect } from 'chai';
import { NEVER, Subject } from 'rxjs';
import { dynamic, launch, optional, ordered, parallel, supervise, task, taskRunner } from '../../lib/index.js';
import { waitsFor } from '../../lib/inspect/server/waits-for.js';
import { virtualClock } from '../../lib/testing/index.js';

const lasting = (name: string) => task(name, () => NEVER);

/** Returns the runners of an application, and the subject that ends their initialization. */
function application() {
  const up$ = new Subject<void>();
  const starting = (name: string) => task(name, { initialize: () => up$, execute: () => NEVER });
  const failing = task('failing', () => {
    throw new Error('no');
  });
  const tenants = dynamic('tenants');
  tenants.add('acme', lasting('sync'));
  tenants.add('b.example', lasting('sync'));
  const web = parallel('web', lasting('http'), ordered('mail', lasting('smtp'), lasting('imap')));
  const shop = ordered('shop', optional(starting('cache')), starting('db'), web, tenants);
  const retried = supervise(ordered('retried', failing, lasting('later')), { backoff: { initial: 60_000 } });
  const failed = ordered('failed', failing, lasting('never'));
  const runners = [shop, retried, optional(failed), taskRunner(lasting('running'))];
  return { runners, up$ };
}

describe('The tasks that a task waits for', () => {
  it('are none before the start', () => {
    const alone = [taskRunner(lasting('a')), ordered('b', lasting('c'))];
    expect(['a', 'b', 'b/c'].flatMap((path) => waitsFor(alone, path))).to.deep.equal([]);
  });

  it('are those before it and before its groups, not its neighbours that start at the same time', async () => {
    const { runners, up$ } = application();
    const waited = (path: string) => waitsFor(runners, path).map((each) => `${each.path} ${each.status}`);
    const app = launch(runners, { scheduler: virtualClock(0), observer: () => undefined, onFailure: 'continue' });
    const beforeTenants = [
      'shop/db initializing',
      'shop/web/http idle',
      'shop/web/mail/smtp idle',
      'shop/web/mail/imap idle',
    ];
    const cases: Record<string, string[]> = {
      shop: [...beforeTenants, 'shop/tenants/acme idle', 'shop/tenants/b.example idle'],
      'shop/tenants': beforeTenants,
      'shop/tenants/b.example': beforeTenants,
      'shop/cache': ['shop/cache initializing'],
      'shop/db': ['shop/db initializing'],
      'shop/web': ['shop/db initializing'],
      'shop/web/http': ['shop/db initializing'],
      'shop/web/mail': ['shop/db initializing'],
      'shop/web/mail/imap': ['shop/db initializing'],
      retried: ['retried restarting'],
      'retried/failing': [],
      'retried/later': ['retried restarting'],
      'failed/failing': [],
      'failed/never': [],
      running: [],
      unknown: [],
      'shop/unknown': [],
    };
    for (const [path, expected] of Object.entries(cases)) expect(waited(path), path).to.deep.equal(expected);
    up$.complete();
    for (const path of ['shop', 'shop/web/mail/imap', 'shop/tenants/b.example'])
      expect(waited(path), path).to.deep.equal([]);
    await app.stop();
  });
});
