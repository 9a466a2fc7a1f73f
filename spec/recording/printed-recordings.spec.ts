import { expect } from 'chai';
import fc from 'fast-check';
import { throwError } from 'rxjs';
import { ordered, task } from '../../lib/index.js';
import { renderSvg, renderText } from '../../lib/inspect/index.js';
import type { RecordedError, RecordedEvent, Recording } from '../../lib/recording/types.js';
import { explore, replay, scenario, script, toMarbles } from '../../lib/testing/index.js';
import { rejectionOf } from '../helpers/rejection.js';
import { anyText, unprintableIn } from '../helpers/unprintable.js';

const printers: Readonly<Record<string, (recording: Recording) => string>> = {
  'text of a width of 200': (recording) => renderText(recording, { width: 200 }),
  'an SVG': (recording) => renderSvg(recording, { title: recording.events[0]?.task ?? '' }),
  marbles: toMarbles,
};

/** Creates a recording, as a file may contain it: a text is in each place that has one. */
function recordingWith(text: string): Recording {
  const error: RecordedError = { name: text, message: text, task: text, phase: text as 'execute' };
  const types = [
    'initializing',
    'ready',
    'skipped',
    'option-failed',
    'result-dropped',
    'slot-failed',
    'value',
  ] as const;
  const outcome = { task: text, status: text as 'failed', error, phase: text as 'execute' };
  const common = { task: text, reason: text, option: text, phase: text as 'execute', mark: text, error, cause: error };
  const events = types.map((type, at): RecordedEvent => ({ ...common, type, at, runId: 1 }));
  return {
    version: 1,
    from: 0,
    dropped: 0,
    events: [
      ...events,
      { type: 'draining', at: 8, cause: error },
      { type: 'cancelled', at: 8, cause: { ...error, signal: text as 'SIGINT' } },
      { type: 'done', at: 9, task: `${text}/${text}`, runId: 2, outcome: { ...outcome, status: 'failed' } },
      { type: 'shutdown', at: 9, clean: false, durationMs: 1, outcomes: [outcome] },
    ],
  };
}

describe('A recording printed as', () => {
  for (const [form, print] of Object.entries(printers)) {
    it(`${form} has no unprintable character`, () => {
      fc.assert(
        fc.property(anyText, (text) => {
          const printed = print(recordingWith(text));
          expect(unprintableIn(printed.replaceAll('\n', ''))).to.equal(undefined);
        }),
      );
    });

    it(`${form} is short, and takes linear time, whatever its texts consist of`, () => {
      for (const repeated of ['/', ' ', 'a/', '\n', '\u001b[', '(', '\u0301', '監', '&']) {
        const printed = print(recordingWith(repeated.repeat(500_000)));
        expect(printed).to.have.length.below(150_000);
      }
    });
  }
});

describe('A scenario with control characters in the name of a task', () => {
  const name = 'a\u0000b  \u001b[2Jc\nd';
  const run = () => [ordered('shop', script(name, '[-->--x-|'), script('e', '--|'))];

  it('draws, expects and replays the row of the task by its printable name', async () => {
    const expected = `shop/a b c d  [-->--x-|`;
    const { marbles, recording } = await scenario({ run, expect: expected });
    expect(marbles.split('\n')).to.include(expected);
    const replayed = replay(recording, {
      run: (taskOf) => [ordered('shop', taskOf(`shop/${name}`), taskOf('shop/e'))],
    });
    expect((await scenario(replayed)).marbles).to.equal(marbles);
  });

  it('has errors without unprintable characters', async () => {
    const failing = () => [task(name, () => throwError(() => new Error(name)))];
    const errors = [
      await rejectionOf(scenario({ run: failing, expect: 'a b c d  >---|' })),
      await rejectionOf(scenario({ run, expect: 'other\u202e  |' })),
      await rejectionOf(explore({ run: failing, check: () => expect.fail(name) })),
    ];
    for (const { message } of errors) expect(unprintableIn(message.replaceAll('\n', ''))).to.equal(undefined);
    expect(errors[0]?.message).to.include('actual    a b c d  (>#)');
  });
});
