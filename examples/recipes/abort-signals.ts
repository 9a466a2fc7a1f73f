/** Whatever takes an AbortSignal takes `ctx.signal`, and whatever yields values over time is given back as it is. */
import { on, type EventEmitter } from 'node:events';
import { watch, type FileChangeInfo } from 'node:fs/promises';
import { setInterval, setTimeout } from 'node:timers/promises';
import { task, type SimpleTask } from 'rxjs-tasks';

/** A promise: `fetch`, which a cancel aborts. */
export function download(url: string): SimpleTask<string> {
  return task('download', async ({ signal }) => {
    const response = await fetch(url, { signal });
    if (!response.ok) throw new Error(`${url} answers ${response.status}`);
    return response.text();
  });
}

/** An async generator: its `finally` has run before the task ends. */
export function poller<T>(every: number, ask: (signal: AbortSignal) => Promise<T>): SimpleTask<T> {
  return task('poller', async function* ({ signal }) {
    for (;;) {
      yield await ask(signal);
      await setTimeout(every, undefined, { signal });
    }
  });
}

/** Async iterables of Node: changes in a directory, events of an emitter, ticks of a timer. */
export function watcher(directory: string): SimpleTask<FileChangeInfo<string>> {
  return task('watcher', ({ signal }) => watch(directory, { signal }));
}

export function listener(emitter: EventEmitter, event: string): SimpleTask<unknown[]> {
  return task('listener', ({ signal }) => on(emitter, event, { signal }) as AsyncIterable<unknown[]>);
}

export function ticker(every: number): SimpleTask<undefined> {
  return task('ticker', ({ signal }) => setInterval(every, undefined, { signal }));
}

/** A Web stream: a response as it comes in. A cancel aborts the request, and with it the stream. */
export function tail(url: string): SimpleTask<string> {
  return task<string>('tail', async ({ signal }) => {
    const { body } = await fetch(url, { signal });
    if (!body) throw new Error(`${url} answers without a body`);
    return body.pipeThrough(new TextDecoderStream());
  });
}
