import { Observable } from 'rxjs';
import { task, type Task } from 'rxjs-tasks';

/** The part of a KafkaJS consumer that the task needs. */
export interface ConsumerLike<Message> {
  connect(): Promise<void>;
  subscribe(subscription: { topics: string[] }): Promise<void>;
  /** Resolves when the consumer has joined its group. A message's offset is committed after `eachMessage`. */
  run(config: { eachMessage: (message: Message) => Promise<void> }): Promise<void>;
  /** Takes no more messages, waits for the current one, and leaves the group. */
  disconnect(): Promise<void>;
  on(event: 'consumer.crash', listener: (crash: Crash) => void): () => void;
}

export interface Crash {
  /** With `restart`, the consumer restarts by itself. */
  readonly payload: { readonly error: Error; readonly restart: boolean };
}

/**
 * Processes the messages of topics, one at a time in each partition, and yields the results. The consumer retries
 * failed work; when it gives up, the task fails, so put it under `supervise`.
 */
export function kafkaConsumer<Message, T>(
  name: string,
  make: () => ConsumerLike<Message>,
  topics: readonly string[],
  work: (message: Message) => Promise<T>,
): Task<T> {
  let consumer: ConsumerLike<Message>;
  return task(name, {
    async initialize() {
      consumer = make();
      await consumer.connect();
      await consumer.subscribe({ topics: [...topics] });
    },
    execute: () =>
      new Observable<T>((subscriber) => {
        const eachMessage = async (message: Message) => subscriber.next(await work(message));
        const off = consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
          if (!restart) subscriber.error(error);
        });
        subscriber.add(off);
        consumer.run({ eachMessage }).catch((error: unknown) => subscriber.error(error));
      }),
    finalize: () => consumer.disconnect(),
  });
}
