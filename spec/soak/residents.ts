import { EventEmitter } from 'node:events';
import { map, NEVER, timer } from 'rxjs';
import {
  cron,
  launch,
  ordered,
  parallel,
  signalListener,
  supervise,
  task,
  type Application,
  type Context,
  type RunContext,
  type TaskEvent,
} from '../../lib/index.js';
import { hangingOn } from '../helpers/collect.js';
import type { Chance } from './chance.js';
import { Boom, type Ledger } from './ledger.js';

/** An application that goes on all the time, beside what comes and goes: no slot of its crons may be lost, or told twice. */
export class Residents {
  readonly app: Application;
  private readonly ledger: Ledger;
  private readonly target = new EventEmitter();
  private readonly contexts = new Map<string, Context>();
  private readonly due = new Map<string, number>();

  constructor(chance: Chance, ledger: Ledger, parent: Context) {
    this.ledger = ledger;
    const initialize = (ctx: RunContext) => void this.contexts.set(ctx.task, ctx);
    const cronOf = (name: string, schedule: number | string, period: number) => {
      const runner = cron(task(name, { initialize, execute: ({ signal }) => signal.aborted }), schedule);
      runner.events$.subscribe((event) => this.account(event, period));
      return runner;
    };
    const fail = () => {
      throw new Boom('hook');
    };
    const flaky = task('flaky', { initialize, execute: () => timer(chance.below(100)).pipe(map(fail)) });
    this.app = launch(
      [
        ordered(
          'residents',
          task('idle', { initialize, execute: () => NEVER }),
          parallel(
            'pulse',
            cronOf('beat', 20, 20),
            cronOf('clock', '* * * * * *', 1000),
            supervise(flaky, { backoff: { initial: 5, max: 50, random: chance.random }, maxRestarts: Infinity }),
          ),
        ),
        signalListener({ target: this.target }),
      ],
      { parent, observer: () => undefined },
    );
  }

  get hanging(): number {
    return [...this.contexts.values()].reduce((sum, ctx) => sum + hangingOn(ctx), 0);
  }

  get listeners(): number {
    return this.target.eventNames().reduce((sum, name) => sum + this.target.listenerCount(name), 0);
  }

  private account(event: TaskEvent, period: number): void {
    if (event.type !== 'slot-started' && event.type !== 'missed' && event.type !== 'skipped') return;
    const { task: name, slot } = event;
    const due = this.due.get(name) ?? slot;
    this.ledger.expect(slot === due, `${name}: after the slots before ${due} comes ${slot} (${event.type})`);
    this.due.set(name, slot + period * (event.type === 'missed' ? event.count : 1));
  }
}
