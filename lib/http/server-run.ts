import type { ListenOptions, Server } from 'node:net';
import { concat, firstValueFrom, merge, of, ReplaySubject, Subject, Subscription, type Observable } from 'rxjs';
import type { RunContext } from '../context/types.js';
import { wait } from '../util/timer.js';
import { urlOf } from '../util/url-of.js';
import { applicationStop } from './application-stop.js';
import { Connections } from './connections.js';
import { drain } from './drain.js';
import { interceptEvents } from './intercept-events.js';

/** A server from `listen` to the end of its last connection. It stops when its context is cancelled. */
export class ServerRun {
  private readonly server: Server;
  private readonly ctx: RunContext;
  private readonly grace: number;
  private readonly connections = new Connections();
  private readonly listening$ = new ReplaySubject<void>(1);
  private readonly closed$ = new ReplaySubject<void>(1);
  private readonly failure$ = new Subject<never>();
  /** Emits shortly before the deadline of the application. */
  private readonly deadline$ = new ReplaySubject<unknown>(1);
  private readonly subscription = new Subscription();
  private isListening = false;
  private url = '';
  private stopped: Promise<void> | undefined = undefined;
  /** The first error of the server during the stop. */
  private stopError: { readonly error: unknown } | undefined = undefined;

  constructor(server: Server, ctx: RunContext, grace: number) {
    this.server = server;
    this.ctx = ctx;
    this.grace = grace;
    this.subscription.add(interceptEvents(server, (event, args) => this.onEvent(event, args)));
    const { draining$, deadline$ } = applicationStop(ctx);
    this.subscription.add(draining$.subscribe(() => this.connections.announceClose()));
    this.subscription.add(deadline$.subscribe(this.deadline$));
  }

  /** Resolves when the server listens. Rejects with the error if it cannot. */
  async listen(options: ListenOptions): Promise<void> {
    try {
      this.server.listen(options);
    } catch (error) {
      this.listening$.error(error);
    }
    await firstValueFrom(this.listening$);
    this.url = urlOf(this.server);
    // `finalize` would be later: it waits for the runs that were started under the context.
    const stop = () => void this.stop().catch(() => undefined);
    this.subscription.add(this.ctx.cancelled$.subscribe(stop));
  }

  /** Emits the URL. Errors when the server fails, or is closed by other code. */
  serve(): Observable<string> {
    return merge(of(this.url), this.failure$);
  }

  /** Stops the server. Resolves when its last connection is closed. */
  stop(): Promise<void> {
    return (this.stopped ??= this.stopNow().finally(() => this.subscription.unsubscribe()));
  }

  private async stopNow(): Promise<void> {
    // Node cannot close a server that is about to listen.
    if (!this.isListening && !(await emits(this.listening$))) return;
    this.connections.announceClose();
    // A turn of the event loop accepts the connections that have arrived; the next one reads their requests.
    await turn();
    if (this.server.listening) stopAccepting(this.server);
    await turn();
    const graceOver$ = this.grace > 0 ? concat(wait(this.grace, this.ctx.scheduler), of(undefined)) : of(undefined);
    try {
      await drain(this.connections, { graceOver$, deadline$: this.deadline$ });
    } finally {
      await firstValueFrom(this.closed$);
    }
    if (this.stopError) throw this.stopError.error;
  }

  /** Returns whether it has handled the event, so that no listener receives it. */
  private onEvent(event: string | symbol, args: readonly unknown[]): boolean {
    switch (event) {
      case 'listening':
        this.isListening = true;
        this.listening$.next();
        return false;
      case 'error':
        return this.onError(args[0]);
      case 'close':
        this.onClose();
        return false;
      default:
        this.connections.onEvent(event, args);
        return false;
    }
  }

  private onError(error: unknown): boolean {
    const hasListener = this.server.listenerCount('error') > 0;
    if (!this.isListening) this.listening$.error(error);
    else if (hasListener) return false;
    // Node would throw an error that has no listener.
    else if (this.stopped) this.stopError ??= { error };
    else this.failure$.error(error);
    return !hasListener;
  }

  private onClose(): void {
    const error = new Error('The server was closed, but not by its task');
    if (!this.isListening) this.listening$.error(error);
    else if (!this.stopped) this.failure$.error(error);
    this.closed$.next();
  }
}

/** Closes the socket that listens, and no connection. */
function stopAccepting(server: Server & { closeIdleConnections?: (() => void) | undefined }): void {
  const own = Object.getOwnPropertyDescriptor(server, 'closeIdleConnections');
  // `close` calls it, and it also ends connections whose last answer is not flushed.
  server.closeIdleConnections = () => undefined;
  server.close();
  if (own) Object.defineProperty(server, 'closeIdleConnections', own);
  else delete server.closeIdleConnections;
}

/** Resolves with whether a stream emits, rather than fails. */
function emits(stream$: Observable<unknown>): Promise<boolean> {
  return firstValueFrom(stream$).then(
    () => true,
    () => false,
  );
}

/** Resolves after a turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
