import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { defer, lastValueFrom, NEVER, of, timer } from 'rxjs';
import {
  cron,
  future,
  launch,
  orchestrate,
  ordered,
  supervise,
  task,
  type Instrument,
  type Runnable,
} from '../lib/index.js';
import { virtually } from './helpers/virtual-time.js';

const plain: Runnable = task('plain', { initialize: () => 0, execute: () => 1, finalize: () => 2 });

describe('instruments', () => {
  it('surround each hook, the first outermost', async () => {
    const told: string[] = [];
    const named = (name: string): Instrument => ({
      around(run, phase, hook) {
        told.push(`${name} ${run.task} ${phase}`);
        hook();
        told.push(`/${name}`);
      },
    });
    await launch([plain], { instruments: [named('a'), {}, named('b')] });
    const hook = (phase: string) => [`a plain ${phase}`, `b plain ${phase}`, '/b', '/a'];
    // The end of one hook calls the next.
    expect(told.filter((one) => !one.startsWith('/'))).to.deep.equal(
      ['initialize', 'execute', 'finalize'].flatMap((phase) => hook(phase).slice(0, 2)),
    );
    expect(told).to.have.length(12);
  });

  it('surround the members of groups, the supervised, and each run of a cron', () => {
    virtually((_, scheduler) => {
      const told: string[] = [];
      const around: Instrument['around'] = ({ task: name, slot }, phase, hook) => {
        told.push(`${name}${slot === undefined ? '' : ` ${slot}`} ${phase}`);
        hook();
      };
      const app = [
        ordered(
          'app',
          supervise(task('a', () => timer(5))),
          cron(
            task('c', () => 1),
            4,
            { maxRuns: 2 },
          ),
        ),
      ];
      orchestrate(app, { scheduler, instruments: [{ around }] }).subscribe();
      scheduler.flush();
      expect(told.filter((one) => one.includes('a execute') || /\d/.test(one))).to.deep.equal([
        'app/a execute',
        'app/a execute',
        'app/c 0 execute',
        'app/c 4 execute',
      ]);
    });
  });

  it('carry an AsyncLocalStorage into promises, Observables, iterators and futures', async () => {
    const names = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const look = () => seen.push(names.getStore());
    const instruments = [
      { around: (run: { task: string }, _: unknown, hook: () => void) => names.run(run.task, hook) },
    ];
    await launch(
      [
        task('promise', async () => {
          await Promise.resolve();
          look();
        }),
        task('stream', () => defer(() => of(look()))),
        task('iterator', async function* () {
          yield 1;
          await Promise.resolve();
          yield look();
        }),
        task('future', (ctx) => future(async () => Promise.resolve().then(look), ctx)),
      ],
      { instruments },
    );
    expect(seen.sort()).to.deep.equal(['future', 'iterator', 'promise', 'stream']);
  });

  it('are told all that happens before the observer', async () => {
    const told: string[] = [];
    await launch([plain], {
      instruments: [{ event: ({ type }) => told.push(type) }],
      observer: ({ type }) => told.push(type),
    });
    const types = ['initializing', 'ready', 'finalizing', 'done', 'shutdown'];
    expect(told).to.deep.equal(types.flatMap((type) => [type, type]));
  });

  it('keep nobody from running when they throw in an event', async () => {
    const errors: unknown[] = [];
    const before = process.rawListeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => errors.push(error));
    const boom = new Error('boom');
    const report = await launch([task('x', () => 1)], {
      instruments: [
        {
          event() {
            throw boom;
          },
        },
      ],
    });
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.removeAllListeners('uncaughtException');
    for (const listener of before) process.on('uncaughtException', listener as (error: Error) => void);
    expect(report.clean).to.equal(true);
    expect(errors).to.deep.equal([boom, boom, boom]);
  });

  it('are refused when they are none', () => {
    const given = (instruments: unknown) => () => orchestrate([task('x', () => NEVER)], { instruments } as never);
    expect(given({})).to.throw(TypeError, 'Expected `instruments` to be an array');
    expect(given([{ event: 1 }])).to.throw(
      TypeError,
      'Expected `event of an instrument` to be a function, got `1` (number)',
    );
    expect(given([{ around: 'x' }])).to.throw(TypeError, 'Expected `around of an instrument` to be a function');
  });

  it('surround each run of an Observable that is subscribed again', async () => {
    let hooks = 0;
    const app$ = orchestrate([task('x', () => 1)], { instruments: [{ around: (_, __, hook) => (hooks++, hook()) }] });
    await lastValueFrom(app$);
    await lastValueFrom(app$);
    expect(hooks).to.equal(2);
  });
});
