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
import { listenerCount } from '../helpers/collect.js';
import type { SeededRandom } from './seeded-random.js';
import { ExpectedError, type Ledger } from './ledger.js';

/** An application that runs during the whole soak. No slot of its crons may be lost or reported twice. */
export class ResidentApp {
  readonly app: Application;
  private readonly ledger: Ledger;
  private readonly target = new EventEmitter();
  private readonly contexts = new Map<string, Context>();
  private readonly nextSlots = new Map<string, number>();

  constructor(random: SeededRandom, ledger: Ledger, parent: Context) {
    this.ledger = ledger;
    const initialize = (ctx: RunContext) => void this.contexts.set(ctx.task, ctx);
    const cronOf = (name: string, schedule: number | string, period: number) => {
      const runner = cron(task(name, { initialize, execute: ({ signal }) => signal.aborted }), schedule);
      runner.events$.subscribe((event) => this.checkSlot(event, period));
      return runner;
    };
    const fail = () => {
      throw new ExpectedError('hook');
    };
    const flaky = task('flaky', { initialize, execute: () => timer(random.integer(100)).pipe(map(fail)) });
    this.app = launch(
      [
        ordered(
          'residents',
          task('idle', { initialize, execute: () => NEVER }),
          parallel(
            'pulse',
            cronOf('beat', 20, 20),
            cronOf('clock', '* * * * * *', 1000),
            supervise(flaky, { backoff: { initial: 5, max: 50, random: random.next }, maxRestarts: Infinity }),
          ),
        ),
        signalListener({ target: this.target }),
      ],
      { parent, observer: () => undefined },
    );
  }

  get contextListeners(): number {
    return [...this.contexts.values()].reduce((sum, ctx) => sum + listenerCount(ctx), 0);
  }

  get listeners(): number {
    return this.target.eventNames().reduce((sum, name) => sum + this.target.listenerCount(name), 0);
  }

  private checkSlot(event: TaskEvent, period: number): void {
    if (event.type !== 'slot-started' && event.type !== 'missed' && event.type !== 'skipped') return;
    const { task: name, slot } = event;
    const due = this.nextSlots.get(name) ?? slot;
    this.ledger.expect(slot === due, `${name}: expected slot ${due}, got ${slot} (${event.type})`);
    this.nextSlots.set(name, slot + period * (event.type === 'missed' ? event.count : 1));
  }
}
