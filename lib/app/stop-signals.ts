import { Subscription } from 'rxjs';
import { SignalError } from '../errors/errors.js';
import { exit } from './process-exit.js';
import { canCatch, echoMs, signalNumber, signals$ } from './signals.js';

/** The number of applications that hold signals. */
let holders = 0;

/**
 * The signals that ask an application to stop. A signal of any kind within 500 ms of the first is an echo of it (see
 * `isEcho`). A later one is a second request, and exits at once.
 */
export class StopSignals {
  private readonly subscription = new Subscription();
  private readonly held = new Set<NodeJS.Signals>();
  private readonly onRequest: (cause: SignalError) => void;
  private first: NodeJS.Signals | undefined = undefined;
  private echoesUntil = -Infinity;
  private inEchoTime = false;

  /** @param onRequest called at the first signal. */
  constructor(signals: readonly NodeJS.Signals[], onRequest: (cause: SignalError) => void) {
    holders++;
    this.onRequest = onRequest;
    for (const signal of signals) this.hold(signal);
  }

  /** Counts a signal that another listener has received as the first. From then on it does not kill the process. */
  receivedElsewhere(signal: NodeJS.Signals): void {
    // Code of the user may create a SignalError with any text.
    if (!canCatch(signal)) return;
    this.hold(signal);
    this.setFirst(signal);
  }

  /**
   * Removes the listeners. An echo that comes later is ignored, too: it does not kill the code after the application.
   */
  release(): void {
    this.subscription.unsubscribe();
    holders--;
    if (!this.inEchoTime) return;
    const ignoreEchoes = () => {
      // Another application holds the signals.
      if (holders > 0) return;
      const echoes = signals$([...this.held], process).subscribe();
      setTimeout(() => echoes.unsubscribe(), this.echoesUntil - performance.now()).unref();
    };
    // After the microtasks: the code that follows `await application` finds no listener. An echo that comes before this
    // kills the process, because Node holds no signal without a listener.
    queueMicrotask(() => process.nextTick(ignoreEchoes));
  }

  private hold(signal: NodeJS.Signals): void {
    if (this.held.has(signal)) return;
    this.held.add(signal);
    this.subscription.add(signals$([signal], process).subscribe((received) => this.onSignal(received)));
  }

  private onSignal(signal: NodeJS.Signals): void {
    const { first } = this;
    if (first === undefined) {
      if (signal === 'SIGINT' && process.stderr.isTTY) console.error('Stopping; press Ctrl-C again to exit at once');
      this.setFirst(signal);
      this.onRequest(new SignalError(signal));
    } else if (!this.inEchoTime) {
      const code = 128 + signalNumber(signal);
      console.error(`Received ${signal} after ${first}: exiting with ${code} without finalizing the tasks`);
      exit(code);
    }
  }

  private setFirst(signal: NodeJS.Signals): void {
    if (this.first !== undefined) return;
    this.first = signal;
    this.inEchoTime = true;
    this.echoesUntil = performance.now() + echoMs;
    const onTimer = () => {
      // A blocked event loop delivers the signals of the meantime after its timers, and before this callback. Without
      // `unref`, with which an idle loop would call back at the next signal only.
      const immediate = setImmediate(() => (this.inEchoTime = false));
      this.subscription.add(() => clearImmediate(immediate));
    };
    const timer = setTimeout(onTimer, echoMs).unref();
    this.subscription.add(() => clearTimeout(timer));
  }
}
