import { Observable } from 'rxjs';
import { task, type Task } from 'rxjs-tasks';

/** As much of a consumer of KafkaJS as the task needs. */
export interface ConsumerLike<Message> {
  connect(): Promise<void>;
  subscribe(subscription: { topics: string[] }): Promise<void>;
  /** Resolves when it has joined its group. A message's offset is committed after `eachMessage`. */
  run(config: { eachMessage: (message: Message) => Promise<void> }): Promise<void>;
  /** Takes no more, waits for the message under way, and leaves the group. */
  disconnect(): Promise<void>;
  on(event: 'consumer.crash', listener: (crash: Crash) => void): () => void;
}

export interface Crash {
  /** With `restart` it starts again by itself. */
  readonly payload: { readonly error: Error; readonly restart: boolean };
}

/**
 * Works at the messages of topics, one at a time in each partition, and yields what comes of them. Work that fails is tried again
 * by the consumer; when it gives up, the task fails, so put it under `supervise`.
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
