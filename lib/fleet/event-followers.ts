import { exhaustMap, filter, interval, startWith, Subscription } from 'rxjs';
import { callWithoutStores } from '../util/call-in-context.js';
import type { ControlMessage } from './control-message.js';
import type { FleetDatabase } from './fleet-database.js';
import { Hints } from './hints.js';
import type { NotifyChannel } from './notify-channel.js';
import type { StatusPoller } from './status-poller.js';

/** The interval at which a following process renews its entry in the fleet's status, in ms. */
const renewMs = 4000;
/** The maximum number of calls that wait until it is clear whether a process follows. */
const maxHeld = 10_000;

/** The processes that follow the events of jobs. The fleet's status says whether there are any. */
export class EventFollowers {
  private readonly database: FleetDatabase;
  private readonly poller: StatusPoller;
  private readonly listen: () => Promise<void>;
  /** Whether any process follows, according to the last status. */
  private followed = false;
  /** The number of `follow` messages, and the number that the last status takes into account. */
  private messages = 0;
  private checked = 0;
  /** Calls that wait for a status from after the last `follow` message. */
  private held: (() => void)[] = [];
  private followers = 0;
  private closed = false;
  private renewing = Subscription.EMPTY;
  /** The last renewal of this process's entry in the fleet's status. */
  private lastRenewal: Promise<void> | undefined = undefined;

  /** @param listen starts to receive the events. */
  constructor(
    database: FleetDatabase,
    control: NotifyChannel<ControlMessage>,
    poller: StatusPoller,
    listen: () => Promise<void>,
  ) {
    this.database = database;
    this.poller = poller;
    this.listen = listen;
    const hints = new Hints(() => this.check());
    poller.status$.subscribe(({ followed }) => (this.followed = followed));
    control.messages$.pipe(filter(({ type }) => type === 'follow')).subscribe(() => {
      this.messages++;
      hints.add('follow', undefined);
    });
  }

  /** Whether this process follows. */
  get following(): boolean {
    return this.followers > 0;
  }

  /** Whether any process may follow, as far as this one knows. */
  get possible(): boolean {
    return this.known || this.messages !== this.checked;
  }

  get renewal(): Promise<void> | undefined {
    return this.lastRenewal;
  }

  /** Makes all processes send all events, until it is unsubscribed. */
  follow(): Subscription {
    if (this.followers++ === 0 && !this.closed) this.renewing = callWithoutStores(() => this.startRenewing());
    return new Subscription(() => {
      if (--this.followers === 0) this.renewing.unsubscribe();
    });
  }

  /** Calls a function if any process follows. After a `follow` message, it waits for the status. */
  whenFollowed(call: () => void): void {
    if (this.known) call();
    else if (this.possible && this.held.length < maxHeld) this.held.push(call);
  }

  close(): void {
    this.closed = true;
    this.renewing.unsubscribe();
  }

  private get known(): boolean {
    return this.followed || this.following;
  }

  /** Reads the status after a `follow` message, which anyone may have forged. */
  private async check(): Promise<boolean> {
    const { messages } = this;
    try {
      await this.poller.poll();
    } catch (error) {
      this.database.report(error);
    }
    this.checked = messages;
    if (!this.followed && this.messages !== messages) return false;
    const held = this.held.splice(0);
    if (this.followed) for (const call of held) call();
    return this.followed;
  }

  private startRenewing(): Subscription {
    return interval(renewMs)
      .pipe(
        startWith(0),
        exhaustMap(() => (this.lastRenewal = this.renew())),
      )
      .subscribe();
  }

  private async renew(): Promise<void> {
    try {
      await this.listen();
      await this.poller.follow();
    } catch (error) {
      this.database.report(error);
    }
  }
}
