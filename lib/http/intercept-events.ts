import type { EventEmitter } from 'node:events';

/** Any emitter, with `emit` as a property that other code may replace. */
interface Emitter {
  emit: (this: EventEmitter, event: string | symbol, ...args: unknown[]) => boolean;
}

/**
 * Calls a function before each event of an emitter. If it returns `true`, no listener receives the event. It adds no
 * listener, because Node treats an upgrade, a CONNECT, `Expect: 100-continue` and an error differently if there is one.
 *
 * @returns a function that ends this.
 */
export function interceptEvents(
  emitter: Emitter,
  onEvent: (event: string | symbol, args: readonly unknown[]) => boolean,
): () => void {
  const { emit } = emitter;
  const isOwn = Object.hasOwn(emitter, 'emit');
  let active = true;
  const intercept: Emitter['emit'] = function (event, ...args) {
    return (active && onEvent(event, args)) || emit.call(this, event, ...args);
  };
  emitter.emit = intercept;
  return () => {
    active = false;
    // Other code may have replaced it since then, and calls this one.
    if (emitter.emit !== intercept) return;
    if (isOwn) emitter.emit = emit;
    else Reflect.deleteProperty(emitter, 'emit');
  };
}
