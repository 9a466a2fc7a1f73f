import { expect } from 'chai';
import { TaskError, type AppEvent, type Outcome, type ShutdownReport, type TaskEventDetail } from '../../lib/index.js';
import { logLine } from '../../lib/inspect/terminal/log-line.js';

const at = Date.parse('2026-03-01T12:00:00Z');
const slot = 'slot 2026-03-01T12:00:00.000Z';
const by = { by: 'ann' };
// Without its frames, a line does not end with a place.
const error = Object.assign(new RangeError('no disk'), { stack: 'RangeError: no disk' });
const failure = new TaskError('x', 'execute', error);
const ended = (status: Outcome['status'], rest: Partial<Outcome> = {}): TaskEventDetail => ({
  type: 'done',
  outcome: { task: 'x', status, runId: 1, durationMs: 1, ...rest } as Outcome,
});

/** Events of a task, and the level, label and text of their lines. */
const lines: [TaskEventDetail, string][] = [
  [{ type: 'ready' }, 'info ready: '],
  [ended('completed'), 'info completed: '],
  [ended('failed', { error: failure }), 'error failed: execute: no disk'],
  [{ type: 'failed', phase: 'execute', error: failure }, 'error failed: execute: no disk'],
  [{ type: 'slot-failed', slot: at, error: failure }, `error slot failed: ${slot}: execute: no disk`],
  [
    { type: 'restarting', restart: 2, delay: 1500, error: failure },
    'warn restarting: no. 2, in 1.5 s: execute: no disk',
  ],
  [{ type: 'restarting', restart: 2, delay: 1500 }, 'warn restarting: no. 2, in 1.5 s'],
  [{ type: 'missed', slot: at, count: 3 }, `warn missed: 3 from ${slot} on`],
  [{ type: 'missed', slot: at, count: 3, reason: 'paused' }, `info missed: 3 during the pause, from ${slot} on`],
  [{ type: 'added', key: 'a' }, 'info added: a'],
  [{ type: 'removed', key: 'a', ...by }, 'info removed: a by ann'],
  [{ type: 'triggered', slot: at }, 'info triggered: '],
  [{ type: 'triggered', slot: at, ...by }, 'info triggered: by ann'],
  [{ type: 'paused', ...by }, 'info paused: by ann'],
  [{ type: 'resumed', ...by }, 'info resumed: by ann'],
  [{ type: 'restart-requested', ...by }, 'info restart requested: by ann'],
  [{ type: 'rescheduled' }, 'info rescheduled: no further slot'],
  [{ type: 'rescheduled', nextAt: at, ...by }, `info rescheduled: next ${slot}, by ann`],
  [{ type: 'operated', action: 'pause-queue', target: 'mail' }, 'info operated: pause-queue mail'],
  [
    { type: 'operated', action: 'redrive', target: 'mail', count: 2, ...by },
    'info operated: redrive mail, 2 jobs, by ann',
  ],
  [{ type: 'operated', action: 'redrive', target: 'mail', count: 1 }, 'info operated: redrive mail, 1 job'],
  [{ type: 'skipped', slot: at, reason: 'overlap' }, `warn skipped: ${slot}: overlap`],
  [
    { type: 'skipped', slot: at, reason: 'coordinator', error },
    `warn skipped: ${slot}: coordinator: RangeError: no disk`,
  ],
  [{ type: 'skipped', slot: NaN, reason: 'overlap' }, 'warn skipped: slot NaN: overlap'],
  [{ type: 'overdue', slot: at, lateBy: 1500 }, `warn overdue: ${slot}: 1.5 s late`],
  [{ type: 'teardown-failed', error }, 'error teardown failed: RangeError: no disk'],
  [{ type: 'future-failed', error }, 'error future failed: RangeError: no disk'],
  [{ type: 'option-failed', option: 'jitter', error }, 'error option failed: jitter: RangeError: no disk'],
  [{ type: 'result-dropped', phase: 'finalize' }, 'warn result dropped: finalize'],
  [{ type: 'result-dropped', phase: 'execute', error: failure }, 'warn result dropped: execute: execute: no disk'],
  [{ type: 'cancelling', slot: at, cause: error }, `warn slot cancelled: ${slot}: RangeError: no disk`],
  [{ type: 'cancelling', slot: at, cause: 'revoked', error }, `warn slot cancelled: ${slot}: RangeError: no disk`],
];

function lineOf(detail: TaskEventDetail): string | undefined {
  const line = logLine({ task: 'app/x', runId: 1, at, ...detail });
  return line && `${line.level} ${line.label}: ${line.text}`;
}

describe('A line of a log', () => {
  for (const [detail, expected] of lines) {
    const { type, ...rest } = detail;
    it(`says what happened at ${type} with ${Object.keys(rest).join(', ') || 'no properties'}: ${expected}`, () => {
      expect(lineOf(detail)).to.equal(expected);
      expect(logLine({ task: 'app/x', runId: 1, at, ...detail })?.task).to.equal('app/x');
    });
  }

  const outcome = (task: string, status: Outcome['status']) => ({ task, status }) as Outcome;
  const shutdown = (report: Partial<ShutdownReport>): AppEvent => ({
    type: 'shutdown',
    report: { clean: true, outcomes: [], cause: undefined, durationMs: 1500, ...report } as ShutdownReport,
  });
  const ofApplication: [AppEvent, string][] = [
    [{ type: 'draining', cause: error }, 'info draining: by RangeError: no disk'],
    [{ type: 'cancelled', cause: 'enough' }, 'info cancelled: by enough'],
    [shutdown({}), 'info shutdown: clean'],
    [shutdown({ cause: error }), 'info shutdown: clean, in 1.5 s'],
    [
      shutdown({ outcomes: [outcome('a', 'completed'), outcome('b', 'cancelled'), outcome('c', 'completed')] }),
      'info shutdown: clean: 2 completed, 1 cancelled',
    ],
    [
      shutdown({ clean: false, cause: error, outcomes: [outcome('a', 'timed-out')] }),
      'error shutdown: not clean, in 1.5 s: 1 timed-out; not ended: a',
    ],
  ];
  for (const [event, expected] of ofApplication)
    it(`says of the application: ${expected}`, () => {
      const line = logLine(event);
      expect([line && `${line.level} ${line.label}: ${line.text}`, line?.task]).to.deep.equal([expected, '']);
    });

  it('has a text of at most 10,000 characters, and the number of those that it lacks', () => {
    const causes = Array.from({ length: 9 }).reduce<Error>(
      (cause, _, index) => Object.assign(new Error(`${index}`.repeat(1900), { cause }), { stack: '' }),
      Object.assign(new Error('first'.repeat(400)), { stack: '' }),
    );
    const text = logLine({ task: 'x', runId: 1, at, type: 'future-failed', error: causes })?.text;
    expect(text)
      .to.have.length.within(9000, 10_100)
      .and.match(/… [\d,]+ more characters$/);
  });

  it('is missing for an event that is frequent, or part of a later one', () => {
    const silent: TaskEventDetail[] = [
      { type: 'initializing' },
      { type: 'slot-started', slot: at },
      { type: 'finalizing' },
      { type: 'cancelling', cause: error },
      ended('cancelled'),
    ];
    expect(silent.map(lineOf)).to.deep.equal(silent.map(() => undefined));
  });
});
