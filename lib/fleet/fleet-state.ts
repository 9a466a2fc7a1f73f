/** How a whole fleet stands: plain data, for a page or a log. */
export interface FleetState {
  readonly schema: string;
  /** Why, and by whom, it has been cancelled. */
  readonly cancelled?: { readonly reason: string; readonly by: string; readonly at: number };
  readonly members: readonly FleetMember[];
  readonly queues: readonly QueueState[];
  readonly crons: readonly CronState[];
}

/** One process. Times are in ms since 1970, by the database's clock. */
export interface FleetMember {
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly since: number;
  readonly seen: number;
  /** Whether it has given a sign of life of late. */
  readonly live: boolean;
}

/** How many jobs a queue has, as counted some seconds ago. */
export interface QueueState {
  readonly name: string;
  readonly waiting: number;
  readonly running: number;
  readonly dead: number;
}

/** The last slot of a cron, and who runs it, if it is still run. */
export interface CronState {
  readonly task: string;
  readonly slot: number;
  readonly holder?: string;
}
