import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { lastValueFrom, type Observable } from 'rxjs';
import { launch, type Application } from 'rxjs-tasks';
import { JobCancelledError, type Fleet } from 'rxjs-tasks/fleet';
import sinon from 'sinon';
import { Fleets, servicesOf } from '../helpers/fleet.js';
import { deferred } from '../helpers/tasks.js';

describe('AsyncLocalStorage in a fleet', () => {
  const tenant = new AsyncLocalStorage<string>();
  const tenants = Array.from({ length: 20 }, (_, n) => `tenant ${n}`);
  const fleets = new Fleets();
  const apps: Application[] = [];
  let here: Fleet;
  let there: Fleet;
  let queues = 0;

  before(async () => {
    // Nothing that the fleet does later has this store.
    here = await tenant.run('the store of connectFleet', () => fleets.connect({ name: 'here' }));
    there = await tenant.run('the store of connectFleet', () => fleets.connect({ name: 'there' }));
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
  });
  after(() => fleets.close());

  /** Starts a worker in a store of its own. Returns the stores that its handlers have. */
  function runWorker(fleet: Fleet, name: string, concurrency = 3) {
    const seen: (string | undefined)[] = [];
    const worker = fleet.queue<string, string>(name, { retries: 0 }).worker(
      async (input, _, job) => {
        seen.push(tenant.getStore());
        job.progress(input);
        await Promise.resolve();
        seen.push(tenant.getStore());
        if (input.startsWith('fail')) throw new Error(input);
        return input;
      },
      { concurrency },
    );
    apps.push(tenant.run('the worker', () => launch([worker], { observer: () => undefined })));
    return seen;
  }

  /** Returns the store in which each notification of a stream arrives. */
  function storesOf(stream$: Observable<unknown>): Promise<(string | undefined)[]> {
    const stores: (string | undefined)[] = [];
    return new Promise((resolve) => {
      const end = () => {
        stores.push(tenant.getStore());
        resolve(stores);
      };
      stream$.subscribe({ next: () => stores.push(tenant.getStore()), error: end, complete: end });
    });
  }

  for (const place of ['here', 'there'] as const) {
    const workerFleet = () => (place === 'here' ? here : there);

    it(`is the store of the worker's start for all handlers of a worker ${place}`, async () => {
      const name = `q${++queues}`;
      const seen = runWorker(workerFleet(), name);
      const queue = here.queue<string, string>(name, { retries: 0 });
      await Promise.all(
        tenants.map((store) =>
          tenant.run(store, async () => {
            for (let n = 0; n < 2; n++) expect(await lastValueFrom(queue.submit(store))).to.equal(store);
            // An await goes on in its own store.
            expect(tenant.getStore()).to.equal(store);
          }),
        ),
      );
      expect(seen).to.have.length(4 * tenants.length);
      expect([...new Set(seen)]).to.deep.equal(['the worker']);
    });

    it(`is the subscriber's for each result and error of a worker ${place}`, async () => {
      const name = `q${++queues}`;
      runWorker(workerFleet(), name);
      const queue = here.queue<string, string>(name, { retries: 0 });
      const results = tenants.map((store) => tenant.run(store, () => storesOf(queue.submit(store))));
      const errors = tenants.map((store) => tenant.run(store, () => storesOf(queue.submit(`fail ${store}`))));
      expect(await Promise.all(results)).to.deep.equal(tenants.map((store) => [store, store]));
      expect(await Promise.all(errors)).to.deep.equal(tenants.map((store) => [store]));
      const jobs = await Promise.all(tenants.map((store) => queue.enqueue(store)));
      const later = tenants.map((store, n) => tenant.run(store, () => storesOf(queue.result(jobs[n] ?? ''))));
      expect(await Promise.all(later)).to.deep.equal(tenants.map((store) => [store, store]));
    });

    it(`is the subscriber's for events of jobs ${place}, and for a cancel`, async () => {
      const name = `q${++queues}`;
      runWorker(workerFleet(), name);
      const queue = here.queue<string, string>(name, { retries: 0 });
      const followers = tenants.map((store) =>
        tenant.run(store, () => {
          const stores = new Set<string | undefined>();
          const completed = deferred<undefined>();
          const subscription = queue.events$.subscribe(({ type }) => {
            stores.add(tenant.getStore());
            if (type === 'completed') completed.resolve(undefined);
          });
          return { stores, subscription, completed };
        }),
      );
      await tenant.run('the submitter', () => lastValueFrom(queue.submit('x')));
      await Promise.all(followers.map(({ completed }) => completed.promise));
      for (const { subscription } of followers) subscription.unsubscribe();
      expect(followers.map(({ stores }) => [...stores])).to.deep.equal(tenants.map((store) => [store]));
    });
  }

  it("is the subscriber's for a cancel of its job, and the worker's for the listeners of that cancel", async () => {
    const name = `q${++queues}`;
    const started = deferred<string>();
    const seen: (string | undefined)[] = [];
    const cancelled = deferred<unknown>();
    const worker = there.queue<string, string>(name).worker((_, ctx, { id }) => {
      ctx.cancelled$.subscribe((cause) => {
        seen.push(tenant.getStore());
        cancelled.resolve(cause);
      });
      started.resolve(id);
      return new Promise<string>((resolve) => ctx.cancelled$.subscribe(() => resolve('')));
    });
    apps.push(tenant.run('the worker', () => launch([worker])));
    const queue = here.queue<string, string>(name);
    const stores = tenant.run('the submitter', () => storesOf(queue.submit('x')));
    const job = await started.promise;
    await tenant.run('the canceller', () => queue.cancel(job));
    expect(await stores).to.deep.equal(['the submitter']);
    expect(await cancelled.promise).to.be.instanceOf(JobCancelledError);
    expect(seen).to.deep.equal(['the worker']);
  });

  it("is the subscriber's for leases, their end, and pauses", async () => {
    const { coordinator } = here;
    const slot = Date.now();
    const stores = await Promise.all(
      tenants.map((store) =>
        tenant.run(store, async () => {
          const own = new Set<string | undefined>();
          coordinator.watchPause?.(store).subscribe(() => own.add(tenant.getStore()));
          await new Promise<void>((resolve) => {
            const lease = coordinator.lease(store, slot).subscribe(() => {
              own.add(tenant.getStore());
              lease.unsubscribe();
              resolve();
            });
          });
          return own;
        }),
      ),
    );
    await tenant.run('the operator', () => here.pause('tenant 3'));
    expect(stores.map((own) => [...own])).to.deep.equal(tenants.map((store) => [store]));
  });

  it('is none for the cancel of the fleet, and for what a fleet does at intervals', async () => {
    const { context } = here;
    const seen: (string | undefined)[] = [];
    const cancelled = deferred<undefined>();
    tenant.run('the listener', () =>
      context.cancelled$.subscribe(() => {
        seen.push(tenant.getStore());
        cancelled.resolve(undefined);
      }),
    );
    await tenant.run('the operator', () => there.cancel('a deploy'));
    await cancelled.promise;
    await there.resume();
    expect(seen).to.deep.equal([undefined]);
  });

  it('is none for the statements of a batch, which has jobs of several callers', async () => {
    const queue = here.queue<string, string>(`q${++queues}`);
    await queue.enqueue('first');
    const { jobs } = servicesOf(here);
    const stores: (string | undefined)[] = [];
    const insert = sinon.stub(jobs, 'insert').callsFake((...args) => {
      stores.push(tenant.getStore());
      return insert.wrappedMethod.apply(jobs, args);
    });
    try {
      await Promise.all(tenants.map((store) => tenant.run(store, () => queue.enqueue(store))));
    } finally {
      insert.restore();
    }
    expect(stores).to.deep.equal([undefined]);
  });
});
