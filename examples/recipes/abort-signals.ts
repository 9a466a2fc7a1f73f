/** APIs that take an AbortSignal take `ctx.signal`. A hook returns their streams and iterables as they are. */
import { on, type EventEmitter } from 'node:events';
import { watch, type FileChangeInfo } from 'node:fs/promises';
import { setInterval, setTimeout } from 'node:timers/promises';
import { task, type SimpleTask } from 'rxjs-tasks';

/** Downloads with `fetch`, a promise that a cancel aborts. */
export function download(url: string): SimpleTask<string> {
  return task('download', async ({ signal }) => {
    const response = await fetch(url, { signal });
    if (!response.ok) throw new Error(`${url} answers ${response.status}`);
    return response.text();
  });
}

/** Polls in an async generator, whose `finally` runs before the task ends. */
export function poller<T>(every: number, ask: (signal: AbortSignal) => Promise<T>): SimpleTask<T> {
  return task('poller', async function* ({ signal }) {
    for (;;) {
      yield await ask(signal);
      await setTimeout(every, undefined, { signal });
    }
  });
}

/** Watches a directory with one of Node's async iterables. The next two listen to an emitter and a timer. */
export function watcher(directory: string): SimpleTask<FileChangeInfo<string>> {
  return task('watcher', ({ signal }) => watch(directory, { signal }));
}

export function listener(emitter: EventEmitter, event: string): SimpleTask<unknown[]> {
  return task('listener', ({ signal }) => on(emitter, event, { signal }) as AsyncIterable<unknown[]>);
}

export function ticker(every: number): SimpleTask<undefined> {
  return task('ticker', ({ signal }) => setInterval(every, undefined, { signal }));
}

/** Yields a response as it arrives, from a web stream. A cancel aborts the request and its stream. */
export function tail(url: string): SimpleTask<string> {
  return task<string>('tail', async ({ signal }) => {
    const { body } = await fetch(url, { signal });
    if (!body) throw new Error(`${url} answers without a body`);
    return body.pipeThrough(new TextDecoderStream());
  });
}
