/** What is mutated together, and the specs that have to notice: of `lib/` and of `spec/`, without what ends their names. */
export const parts = {
  context: {
    mutate: ['context', 'scope', 'to-scope', 'chain', 'hub', 'after', 'alarm', 'unhandled'],
    specs: ['context', 'future', 'join', 'runner', 'slot-clock', 'cron', 'cron-clock', 'cron-overlap'],
  },
  run: {
    mutate: ['run', 'flow', 'is-cancel', 'iterator-of', 'drive'],
    specs: [
      'runner',
      'join',
      'future',
      'cron',
      'cron-cancel',
      'cron-timeout',
      'supervise',
      'group',
      'instruments',
      'otel',
    ],
  },
  words: {
    mutate: ['errors', 'cancelled-error', 'expect', 'task', 'work'],
    specs: [
      'errors',
      'expect',
      'task',
      'context',
      'join',
      'application',
      'orchestrate',
      'cron-options',
      'report',
      'runner',
      'supervise',
      'group',
    ],
  },
  runner: {
    mutate: ['runner', 'join', 'foreign', 'member', 'launched'],
    specs: [
      'runner',
      'join',
      'snapshot',
      'cron',
      'orchestrate',
      'report',
      'cron-timeout',
      'supervise',
      'group',
      'instruments',
    ],
  },
  future: {
    mutate: ['future', 'settling', 'turn'],
    specs: ['future', 'testing/explore'],
  },
  cron: {
    mutate: ['cron', 'slot-clock', 'slot-run', 'slot-runs', 'backlog'],
    specs: [
      'cron',
      'cron-cancel',
      'cron-clock',
      'cron-coordinator',
      'cron-limits',
      'cron-missed',
      'cron-options',
      'cron-overdue',
      'cron-overlap',
      'cron-timeout',
      'slot-clock',
      'snapshot',
      'instruments',
    ],
  },
  schedule: {
    mutate: ['schedule'],
    specs: ['cron', 'cron-options', 'cron-clock', 'schedule'],
  },
  supervision: {
    mutate: ['supervise', 'supervision', 'guard', 'backoff', 'group', 'group-run', 'snapshot'],
    specs: ['supervise', 'group', 'snapshot', 'join', 'orchestrate', 'instruments'],
  },
  application: {
    mutate: ['application', 'error-of', 'orchestrate', 'app-run', 'surround', 'report', 'signal-listener'],
    specs: ['application', 'orchestrate', 'instruments', 'report', 'snapshot', 'signal-listener'],
  },
  /** These specs start programs and signal them. */
  process: {
    mutate: ['run-main', 'exit', 'ui'],
    specs: ['run-main', 'service', 'inspect/terminal'],
    children: true,
  },
};

/** Specs that wait for the wall clock, or take seconds, by a part of their name. */
export const without = [
  'the event loop blocked',
  'flat heap',
  'does not make each slower',
  '100,000 children',
  'here and in croner alone',
  'strictly later each time',
  'at no other time',
  'in these days one asks',
  'two slots one asks',
  'has two a year to deal with',
];
