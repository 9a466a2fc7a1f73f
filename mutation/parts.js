/** The specs of a fleet in memory. */
const memorySpecs = [
  'coordinator',
  'faults',
  'fleet-crons',
  'fleet-jobs',
  'fleet-processes',
  'fleet-queue',
  'fleet',
].map((file) => `testing/memory-${file}`);

/**
 * The parts that are mutated separately: the paths below `lib/` to mutate, and the folders of `spec/` whose specs have
 * to fail. A folder stands for all its files. A part that is `onDemand` runs only if it is named: all of
 * them take hours.
 */
export const parts = {
  context: { mutate: ['util', 'context'], specs: ['util', 'context', 'future', 'app/join', 'task', 'cron'] },
  task: {
    mutate: ['errors', 'task'],
    specs: ['errors', 'util', 'task', 'app', 'future', 'cron', 'supervision', 'group', 'otel'],
  },
  future: { mutate: ['future'], specs: ['future', 'testing/explore'] },
  cron: {
    mutate: ['cron'],
    specs: ['cron', 'task/snapshot', 'task/children-reports', 'future/lost-errors', 'app/instrumentation'],
  },
  supervision: {
    mutate: ['supervision', 'group'],
    specs: ['supervision', 'group', 'task/snapshot', 'task/custom-runner', 'task/foreign-view', 'app'],
  },
  application: { mutate: ['app'], specs: ['app', 'task/snapshot'] },
  recording: { onDemand: true, mutate: ['recording'], specs: ['recording', 'testing/to-marbles', 'testing/replay'] },
  otel: { onDemand: true, mutate: ['otel'], specs: ['otel'] },
  explore: {
    onDemand: true,
    mutate: ['explore', 'exploration-run', 'seeded-random'].map(inTesting),
    specs: ['testing/explore'],
  },
  testing: {
    onDemand: true,
    limitMs: 2500,
    mutate: [
      ...['current-runs', 'diagram', 'explain-wait', 'fake-signals', 'invariants', 'long-scenario', 'manual-task'],
      ...['marbles', 'recorded-tasks', 'replay', 'run-marks', 'run-until', 'scenario-error', 'scenario-rows'],
      ...['scenario-run', 'scenario-types', 'scenario', 'script', 'scripted-task', 'scripts-from-recording'],
      ...['task-rows', 'task-script', 'timer-queue', 'to-marbles', 'virtual-clock', 'virtual-globals', 'virtual-timer'],
      'waiting-hooks',
    ].map(inTesting),
    specs: [
      ...['diagram', 'fake-signals', 'invariants', 'marbles', 'replay-controls', 'replay', 'run-until', 'scenario'],
      ...['scenario-shutdown', 'script', 'stuck-scenario', 'timer-queue', 'to-marbles', 'virtual-clock'],
      'virtual-globals',
    ].map(inTesting),
  },
  memory: {
    onDemand: true,
    limitMs: 2500,
    mutate: [
      ...['claims', 'connection', 'coordinator', 'faults', 'fleet', 'insertions', 'job', 'leases', 'process', 'queue'],
      ...['store', 'table', 'worker-run'],
    ].map((file) => `testing/memory-${file}`),
    specs: memorySpecs,
  },
  /** The access to an inspector, its answers and its events. Its servers listen in this process. */
  inspector: {
    onDemand: true,
    limitMs: 2500,
    mutate: [
      ...['action-request', 'action-route', 'answer', 'auth', 'inspector-options', 'inspector', 'limited-server'],
      ...['read-body', 'respond', 'routes', 'shared-answer', 'sse-client', 'sse-clients'],
    ]
      .map((file) => `inspect/server/${file}`)
      .concat('inspect/time-axis'),
    specs: [
      ...['auth', 'fleet-state-source', 'inspector', 'shared-answer', 'sse-clients', 'time-axis', 'inspector.system'],
      ...['access', 'actions', 'connections', 'details', 'events', 'fleet', 'jobs', 'operated', 'proxy'].map(
        (name) => `inspector-${name}.system`,
      ),
    ].map((file) => `inspect/${file}`),
  },
  /** The specs of the queues that an inspector shows need a database. */
  inspect: {
    onDemand: true,
    mutate: [
      ...['app-state', 'event-block', 'event-log', 'fleet-parts', 'fleet-state-source', 'run-log'].map(
        (file) => `server/${file}`,
      ),
      ...['run-logs', 'task-actions', 'task-details', 'waits-for'].map((file) => `server/${file}`),
      ...['svg', 'terminal', 'text', 'active-runs'],
      ...['keep-last', 'labels', 'styles', 'task-timeline', 'task-tree', 'text-width', 'time-window', 'timeline'],
    ].map((path) => `inspect/${path}`),
    specs: [
      ...['docs/pictures', 'inspect', 'inspect/inspector.system'],
      ...['actions', 'details', 'events', 'fleet', 'operated'].map((name) => `inspect/inspector-${name}.system`),
    ],
  },
  /** Its specs start programs on a terminal. */
  'live-view': {
    onDemand: true,
    children: true,
    mutate: ['inspect/terminal/live-view'],
    specs: ['inspect/terminal'],
  },
  /** On a PostgreSQL that is started once. */
  'inspect-queues': {
    onDemand: true,
    postgres: true,
    limitMs: 2500,
    mutate: ['job-messages', 'job-view', 'queue-action-request', 'queue-actions', 'queue-route'].map(
      (file) => `inspect/server/${file}`,
    ),
    specs: ['job-messages', 'job-view', 'queue-actions', 'queue-route', 'run-logs', 'inspector-queues.system'].map(
      (file) => `inspect/${file}`,
    ),
  },
  'thread-errors': {
    onDemand: true,
    threads: true,
    mutate: ['threads/serialize-error'],
    specs: ['threads/serialize-error'],
  },
  /** Threads get the mutant in their environment, as child processes do. */
  threads: {
    onDemand: true,
    threads: true,
    limitMs: 2500,
    mutate: ['errors', 'messages', 'thread-pool', 'thread-run', 'value-channel', 'worker', 'worker-pool'].map(
      (file) => `threads/${file}`,
    ),
    specs: ['threads'],
  },
  http: {
    onDemand: true,
    limitMs: 2500,
    mutate: ['http'],
    specs: ['http', ...['connections', 'http2', 'https', 'listen', 'stop'].map((name) => `http/${name}.system`)],
  },
  /** Without a server: its statements are answered by the specs, and queues run in memory. */
  fleet: {
    onDemand: true,
    limitMs: 2500,
    mutate: [
      ...['batcher', 'cancelled-jobs', 'change-once', 'claims-ahead', 'closable-db', 'connection-errors'],
      ...['connection-events', 'control-message'],
      ...['cron-pauses', 'empty-claims', 'errors', 'event-followers', 'event-text', 'every', 'fleet-database'],
      ...['fleet-options', 'heartbeats', 'hints', 'job-cancels', 'job-event-channel', 'job-failure', 'job-id'],
      ...['job-message', 'job-row', 'job-run', 'job-task', 'jsonb', 'master-cancel', 'message-fields'],
      ...['notify-channel', 'queue-options', 'queue-policy', 'remote-events', 'retention', 'server-url'],
      ...['status-poller', 'stored-queue', 'submit-options', 'trigger-calls', 'trigger-outcome', 'trigger-runs'],
      ...['validate-path', 'worker-options'],
    ].map((name) => `fleet/${name}`),
    specs: ['fleet', ...memorySpecs],
  },
  /** On a PostgreSQL that is started once. Only specs that can run again in the same process. */
  'fleet-postgres': {
    onDemand: true,
    postgres: true,
    limitMs: 2500,
    mutate: [
      ...['attempt-results', 'boss-jobs', 'claim-function', 'database-function'],
      ...['delete-function', 'dependents', 'dependents-functions', 'dependents-table', 'function-jobs'],
      ...['insert-function', 'job-groups', 'job-inserter', 'job-keys', 'job-queue', 'job-reader', 'job-results'],
      ...['job-statements', 'progress-table', 'progress-writer', 'queue-pause', 'read-queues', 'read-state'],
      ...['retry-function', 'schema', 'schema-names', 'settle-functions', 'stored-jobs', 'worker'],
      'worker-run',
    ].map((name) => `fleet/${name}`),
    specs: [
      ...['attempt-results', 'boss-jobs', 'database-function', 'dependents', 'function-jobs', 'job-inserter'],
      ...['job-queue', 'job-results', 'progress-writer', 'queue-pause', 'read-state', 'schema', 'stored-jobs'],
      // Of those with a server, `queue.system` is the first: without a claim it fails at once, and others would hang.
      ...['worker-run', 'queue.system', 'boss-jobs.system', 'due-queues.system', 'queue-counts.system'],
      ...['progress.system', 'call-answers.system', 'queue-features.system', 'queue-options.system', 'flows.system'],
    ].map((name) => `fleet/${name}`),
  },
  /** These specs start programs and signal them. */
  process: {
    mutate: ['app/run-main', 'app/signals', 'app/process-exit', 'app/open-handles', 'app/load-terminal'],
    specs: ['app/run-main', 'examples/service', 'inspect/terminal'],
    children: true,
  },
};

/** Specs that wait for the wall clock, or take seconds, by a part of their title. */
export const without = [
  'event loop was blocked',
  'flat heap',
  'does not make each slower',
  '100,000 children',
  'compared with croner',
  'strictly later each time',
  'at no other time',
  'for any time of these days',
  'for all times between two slots',
  'is tested with two changes a year',
  'below 5,000',
  'of 5,000 nested',
  'Any value that is thrown',
  '5,000 levels deep',
  '10,000 levels deep',
  'Linear time is enough',
  'slowText',
  'do not accumulate for clients that read nothing',
  'half of a request are closed soon',
  'half of a body, whose connection is closed soon',
  'another program has deleted the queue',
  'waits for room in its own full queue',
  'takes linear time, and quotes a long line',
  'a row of 200,000 marbles',
  'limited to 100,000 steps',
  'says nothing if its time does not pass',
  'outputs are too large together',
  'in an embedded database',
  'is released with thousands of others',
  'takes linear time, and cuts what is long',
  // Their fake clock does not replace a timer that an ES module has imported from `node:timers/promises`.
  'if a new channel connects before the retry',
  'a connection that does not answer, and says that the server is silent',
];

function inTesting(file) {
  return `testing/${file}`;
}
