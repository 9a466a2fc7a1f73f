import { expect } from 'chai';
import { fleetMetrics, type MeasuredQueue, type QueueStateSource } from '../../lib/otel/index.js';
import { deferred, throwing } from '../helpers/tasks.js';
import { registeredSdk, Sdk, unregisterTelemetry } from '../helpers/telemetry.js';

const mail = { name: 'mail', waiting: 3, running: 2, dead: 1, oldestMs: 1500 };
const idle = { name: 'idle', waiting: 0, running: 0, dead: 0 };
const of = (queue: string) => ({ 'messaging.destination.name': queue });

describe('fleetMetrics', () => {
  const { sdk, diagnostics } = registeredSdk();

  /** Measures a fleet with the given answers. */
  function measure(...answers: (readonly MeasuredQueue[] | Error)[]) {
    const fleet = {
      reads: 0,
      state: async () => {
        const answer = answers[fleet.reads++];
        if (answer instanceof Error) throw answer;
        return { queues: answer ?? [] };
      },
    };
    return { fleet, subscription: fleetMetrics(fleet) };
  }

  it('measures the jobs of each queue, and for how long the first has waited, in seconds', async () => {
    const { fleet } = measure([mail, idle]);
    const gauges = await sdk.allPoints();
    expect(gauges).to.deep.equal({
      'rxjs_tasks.queue.waiting': [
        [of('mail'), 3],
        [of('idle'), 0],
      ],
      'rxjs_tasks.queue.running': [
        [of('mail'), 2],
        [of('idle'), 0],
      ],
      'rxjs_tasks.queue.dead': [
        [of('mail'), 1],
        [of('idle'), 0],
      ],
      'rxjs_tasks.queue.oldest': [
        [of('mail'), 1.5],
        [of('idle'), 0],
      ],
    });
    expect(fleet.reads).to.equal(1);
  });

  it('reads the state once for each collection, and not otherwise', async () => {
    const { fleet } = measure([mail], [{ ...mail, waiting: 4 }]);
    expect(fleet.reads).to.equal(0);
    expect(await sdk.points('rxjs_tasks.queue.waiting')).to.deep.equal([[of('mail'), 3]]);
    expect(await sdk.points('rxjs_tasks.queue.waiting')).to.deep.equal([[of('mail'), 4]]);
    expect(fleet.reads).to.equal(2);
  });

  it('reads the state once for collections that come while the database does not answer', async () => {
    const answer = deferred<{ queues: readonly MeasuredQueue[] }>();
    let reads = 0;
    fleetMetrics({ state: () => (reads++, answer.promise) });
    const collected = [sdk.points('rxjs_tasks.queue.dead'), sdk.points('rxjs_tasks.queue.dead')];
    answer.resolve({ queues: [mail] });
    expect(await Promise.all(collected)).to.deep.equal([[[of('mail'), 1]], [[of('mail'), 1]]]);
    expect(reads).to.equal(1);
  });

  it('reports an error to the diagnostics of the API, and measures again at the next collection', async () => {
    const down = new Error('the database is down');
    const { fleet } = measure(down, [mail]);
    expect(await sdk.allPoints()).to.deep.equal({});
    expect(await sdk.points('rxjs_tasks.queue.waiting')).to.deep.equal([[of('mail'), 3]]);
    fleetMetrics({ state: throwing(down) });
    await sdk.allPoints();
    expect(fleet.reads).to.equal(3);
    expect(diagnostics.take()).to.deep.equal([
      ['rxjs-tasks', down],
      ['rxjs-tasks', down],
    ]);
  });

  it('has units and descriptions', async () => {
    measure([mail], [mail], [mail], [mail], [mail]);
    const units = ['waiting', 'running', 'dead', 'oldest'].map((name) => sdk.unit(`rxjs_tasks.queue.${name}`));
    expect(await Promise.all(units)).to.deep.equal(['{job}', '{job}', '{job}', 's']);
    expect(await sdk.undescribed()).to.deep.equal([]);
  });

  it('ends when it is unsubscribed', async () => {
    const { fleet, subscription } = measure([mail]);
    subscription.unsubscribe();
    expect(await sdk.allPoints()).to.deep.equal({});
    expect(fleet.reads).to.equal(0);
  });

  it('uses the given meter, and none without an SDK', async () => {
    const other = new Sdk();
    fleetMetrics({ state: async () => ({ queues: [mail] }) }, { meter: other.meter });
    expect(Object.keys(await sdk.allPoints())).to.deep.equal([]);
    expect(await other.points('rxjs_tasks.queue.waiting')).to.deep.equal([[of('mail'), 3]]);
    unregisterTelemetry();
    fleetMetrics({ state: async () => ({ queues: [] }) }).unsubscribe();
  });

  it('rejects what is no fleet, and unknown and invalid options', () => {
    const call =
      (...args: unknown[]) =>
      () =>
        fleetMetrics(...(args as [QueueStateSource]));
    expect(call(null)).to.throw(TypeError, 'Expected `fleet` to be a fleet, as connectFleet yields it, got null');
    const fleet = { state: async () => ({ queues: [] }) };
    expect(call(fleet, { metr: 1 })).to.throw(TypeError, 'Expected an option of `fleetMetrics`, got `metr`');
    expect(call(fleet, { meter: {} })).to.throw(
      TypeError,
      'Expected `meter` to be a meter, with a `createObservableGauge` function, got `{}` (object)',
    );
  });
});
