import { expect } from 'chai';
import fc from 'fast-check';
import { parseControlMessage } from '../../lib/fleet/control-message.js';
import { parseJobMessage, toJobMessage } from '../../lib/fleet/job-message.js';
import { NotifyChannel } from '../../lib/fleet/notify-channel.js';
import type { JobEvent } from '../../lib/fleet/queue-types.js';
import { fakeDatabase } from '../helpers/fake-database.js';

const job = '9b2b1c8e-1c1f-4c1e-9f0a-0d8f6f7e3a11';
const keys = [
  'type',
  'queue',
  'job',
  'attempt',
  'released',
  'at',
  'by',
  '__proto__',
  'constructor',
  'output',
  'length',
];
const likely = fc.constantFrom<unknown>(
  'completed',
  'failed',
  'fleet',
  'follow',
  'work',
  'cancel',
  'toString',
  '__proto__',
  'q',
  job,
  1,
  0,
  2 ** 31,
  null,
  { toString: 1, valueOf: 1 },
);
const message = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...keys), fc.oneof(likely, fc.jsonValue())));

describe('The messages of a fleet', () => {
  it('are parsed from any JSON without an error, and have the fields that they may have alone', () => {
    fc.assert(
      fc.property(message, (value) => {
        const parsed = JSON.parse(JSON.stringify(value)) as unknown;
        for (const result of [parseControlMessage(parsed), parseJobMessage(parsed)]) {
          if (!result) continue;
          expect(Object.getPrototypeOf(result)).to.equal(Object.prototype);
          const fields = Object.keys(result);
          const known = ['type', 'queue', 'job', 'attempt', 'released', 'at', 'by'];
          expect(fields.filter((field) => !known.includes(field))).to.deep.equal([]);
          if ('queue' in result) expect(result.queue).to.match(/^[\w-]{1,100}$/);
          if ('job' in result) expect(result.job).to.match(/^[0-9a-f-]{36}$/);
          if ('attempt' in result) expect(result.attempt).to.be.within(1, 2 ** 31 - 1);
        }
      }),
      { numRuns: 2000 },
    );
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
  });

  it('are accepted if they are complete', () => {
    const base = { queue: 'q', job, at: 1, by: 'me' };
    expect(parseJobMessage({ type: 'submitted', ...base })).to.deep.equal({ type: 'submitted', ...base });
    const retrying = { type: 'retrying', ...base, attempt: 2, released: true };
    expect(parseJobMessage({ ...retrying, failure: { name: 'Secret' } })).to.deep.equal(retrying);
    expect(parseControlMessage({ type: 'cancel', queue: 'q', job, by: 1 })).to.deep.equal({
      type: 'cancel',
      queue: 'q',
      job,
    });
    expect(parseControlMessage({ type: 'work', queue: 'q', job })).to.deep.equal({ type: 'work', queue: 'q' });
    for (const refused of [
      { type: 'work', queue: 'a/b' },
      { type: 'cancel', queue: 'q', job: 'x' },
      { type: 'done', queue: 'q', job },
    ])
      expect(parseControlMessage(refused)).to.equal(undefined);
  });

  it('have the attempt of an event, and whether it was given back', () => {
    const base = { queue: 'q', job, at: 1, by: 'x'.repeat(200) };
    const released = { name: 'Released', message: 'stopped' };
    const events: [JobEvent, object][] = [
      [{ type: 'submitted', ...base }, {}],
      [{ type: 'cancelled', ...base }, {}],
      [{ type: 'completed', ...base, attempt: 2, output: { value: 'secret' } }, { attempt: 2 }],
      [{ type: 'failed', ...base, attempt: 2, failure: released }, { attempt: 2 }],
      [
        { type: 'retrying', ...base, attempt: 2, failure: released },
        { attempt: 2, released: true },
      ],
      [{ type: 'retrying', ...base, attempt: 2, failure: { ...released, name: 'Error' } }, { attempt: 2 }],
    ];
    for (const [event, fields] of events) {
      const sent = toJobMessage(event);
      expect(sent).to.deep.equal({ type: event.type, ...base, ...fields });
      expect(parseJobMessage(sent)).to.deep.equal(sent);
    }
    const forged = { type: 'retrying', ...base, attempt: 2, released: 1 };
    expect(parseJobMessage(forged)).to.deep.equal({ type: 'retrying', ...base, attempt: 2 });
  });

  it('are refused if a field is missing or has another form', () => {
    const complete: Record<string, unknown> = { type: 'completed', queue: 'q', job, attempt: 1, at: 1, by: 'me' };
    for (const [key, wrong] of [
      ['type', 'done'],
      ['queue', 'a/b'],
      ['queue', 'q\0'],
      ['job', 'x'],
      ['attempt', 0],
      ['attempt', 1.5],
      ['attempt', 2 ** 31],
      ['attempt', '1'],
      ['job', [job]],
      ['queue', ['q']],
      ['at', '1'],
      ['by', 'x'.repeat(201)],
    ] as const) {
      expect(parseJobMessage({ ...complete, [key]: wrong }), key).to.equal(undefined);
      expect(parseJobMessage({ ...complete, [key]: undefined }), key).to.equal(undefined);
    }
  });

  it('are ignored if their text is not JSON', async () => {
    let receive: (payload: string) => void = () => undefined;
    const listen = (_: string, onMessage: typeof receive) => void (receive = onMessage);
    const channel = new NotifyChannel(fakeDatabase(undefined, listen as () => unknown), 'c', parseControlMessage);
    await channel.listen();
    const received: unknown[] = [];
    channel.messages$.subscribe((value) => received.push(value));
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => receive(`forger--${text}`)),
      { numRuns: 1000 },
    );
    receive(`forger--${'['.repeat(3900)}${']'.repeat(3900)}`);
    expect(received).to.deep.equal([]);
    receive('forger--{"type":"fleet"},1,{"type":"follow"}');
    expect(received).to.deep.equal([{ type: 'fleet' }, { type: 'follow' }]);
  });
});
