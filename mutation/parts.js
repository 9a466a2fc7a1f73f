/**
 * The parts that are mutated separately: the paths below `lib/` to mutate, and the folders of `spec/` whose specs have
 * to fail. A folder stands for all its files. A part that is `onDemand` runs only if it is named: its survivors are not
 * listed yet.
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
  testing: { onDemand: true, mutate: ['testing'], specs: ['testing', 'app/first-mistakes'] },
  /** Its servers listen in this process. */
  inspect: {
    onDemand: true,
    mutate: [
      ...['inspect/server', 'inspect/svg', 'inspect/terminal', 'inspect/text', 'inspect/active-runs', 'inspect/labels'],
      ...['inspect/styles', 'inspect/task-timeline', 'inspect/task-tree', 'inspect/text-width', 'inspect/time-axis'],
      ...['inspect/time-window', 'inspect/timeline'],
    ],
    specs: [
      'inspect',
      ...['access', 'actions', 'connections', 'details', 'events', 'proxy'].map(
        (name) => `inspect/inspector-${name}.system`,
      ),
    ],
  },
  /** Code of the main thread alone: it is not known which mutants within a thread a spec covers. */
  threads: {
    onDemand: true,
    mutate: [
      'threads/errors',
      'threads/serialize-error',
      'threads/thread-pool',
      'threads/thread-run',
      'threads/worker-pool',
    ],
    specs: ['threads'],
  },
  http: {
    onDemand: true,
    mutate: ['http'],
    specs: ['http', ...['connections', 'http2', 'https', 'listen', 'stop'].map((name) => `http/${name}.system`)],
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
];
