import { expect } from 'chai';
import fc from 'fast-check';
import { setTraceCapture } from '../../lib/context/trace-fields.js';
import { currentTrace, parseFailure, parseJobData, parseJobRow, parseOutput } from '../../lib/fleet/job-row.js';

const keys = ['input', 'awaited', 'value', 'name', 'message', 'state', 'id', 'queue', 'retryCount', '__proto__', 'to'];
const anyJson = fc
  .oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()))
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe('A row of the jobs', () => {
  it('is parsed without an error, whatever another program has written', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(parseJobData(value)).to.have.keys('input', 'awaited');
        expect(parseJobData(value).awaited).to.be.a('boolean');
        expect(Object.keys(parseOutput(value)).every((key) => key === 'value')).to.equal(true);
        const { name, message } = parseFailure(value);
        expect([typeof name, typeof message]).to.deep.equal(['string', 'string']);
        expect(name.length).to.be.at.most(100);
        expect(message.length).to.be.at.most(1000);
        const row = parseJobRow(value);
        if (row) expect([typeof row.id, typeof row.state, row.attempt >= 1]).to.deep.equal(['string', 'string', true]);
      }),
      { numRuns: 2000 },
    );
    expect(parseJobRow({ queue: 'a', id: 'b', state: 'created', retryCount: { toString: 1 } })).to.equal(undefined);
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
  });

  it('has all columns of a job, or is refused', () => {
    const row = { queue: 'q', id: 'x', state: 'failed', retryCount: 2, output: { value: 1 }, outputLeftOut: true };
    const job = { queue: 'q', id: 'x', state: 'failed', attempt: 3, output: { value: 1 } };
    expect(parseJobRow(row)).to.deep.equal({ ...job, outputLeftOut: true });
    expect(parseJobRow({ ...row, outputLeftOut: null })).to.deep.equal({ ...job, outputLeftOut: false });
    for (const column of ['queue', 'id', 'state', 'retryCount'])
      expect(parseJobRow({ ...row, [column]: null }), column).to.equal(undefined);
    for (const retryCount of [-1, 2 ** 31 - 1]) expect(parseJobRow({ ...row, retryCount })).to.equal(undefined);
    expect(parseJobRow({ ...row, retryCount: 2 ** 31 - 2 })?.attempt).to.equal(2 ** 31 - 1);
  });

  it('has the timeout of the job, if it is one', () => {
    const timeoutOf = (timeout: unknown) => parseJobData({ input: 1, timeout }).timeout;
    for (const timeout of [1, 1.5, 86_400_000]) expect(timeoutOf(timeout)).to.equal(timeout);
    for (const timeout of [0.5, 86_400_001, '5', null]) expect(timeoutOf(timeout)).to.equal(undefined);
    expect(parseJobData({ input: 1, timeout: 0 })).not.to.have.property('timeout');
  });

  it('has the trace of its submitter, if it is one', () => {
    const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    expect(parseJobData({ input: 1, trace }).trace).to.deep.equal(trace);
    expect(parseJobData({ trace })).to.deep.equal({ input: undefined, awaited: false, trace });
    expect(parseJobData({ input: 1, trace: 5 })).not.to.have.property('trace');
  });

  it('gets the trace of the code that submits it, if there is one', () => {
    const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    let current: unknown = trace;
    setTraceCapture(() => current);
    expect(currentTrace()).to.deep.equal({ trace });
    current = {};
    expect(currentTrace()).to.equal(undefined);
    setTraceCapture(() => undefined);
  });

  it('gives back every input and output that this library has written', () => {
    fc.assert(
      fc.property(fc.option(anyJson, { nil: undefined }), fc.boolean(), (value, awaited) => {
        const stored = (data: object) => JSON.parse(JSON.stringify(data)) as unknown;
        expect(parseJobData(stored({ input: value, awaited }))).to.deep.equal({ input: value, awaited });
        expect(parseOutput(stored({ value })).value).to.deep.equal(value);
      }),
    );
  });

  it('has the ids of the jobs that it waited for, and their outputs', () => {
    const id = 'c5c1c5c1-0000-4000-8000-000000000000';
    const data = { input: 1, after: [`mails/${id}`, `other.queue/${id}`], outputs: [{ value: 1 }, {}, null, 'plain'] };
    const { after, outputs } = parseJobData(data);
    expect({ after, outputs }).to.deep.equal({ after: [id, id], outputs: [1, undefined, undefined, 'plain'] });
    expect(parseJobData({ after: data.after }).input).to.equal(undefined);
    expect(parseJobData({ input: 1, after: ['noon', 5, null, { toString: 1 }], outputs: 'none' })).to.deep.equal({
      input: 1,
      awaited: false,
      after: [],
    });
  });

  it('gives the data and the output of another program as they are', () => {
    for (const data of [{ to: 'x' }, [1], 5, 'x', false, 0, '', { awaited: true, to: 'x' }])
      expect(parseJobData(data)).to.deep.equal({ input: data, awaited: false });
    for (const data of [null, undefined, {}])
      expect(parseJobData(data)).to.deep.equal({ input: undefined, awaited: false });
    for (const output of [{ ok: true }, [1], 5, 'x', false])
      expect(parseOutput(output)).to.deep.equal({ value: output });
    for (const output of [null, undefined, {}]) expect(parseOutput(output)).to.deep.equal({});
  });

  it('gives a failure a name and a text', () => {
    const cases: [unknown, string, string][] = [
      [{ name: 'TypeError', message: 'no address' }, 'TypeError', 'no address'],
      [{ value: { message: 'job timed out' } }, 'Error', 'job timed out'],
      [{ name: { toString: 1 }, message: { a: 1 } }, 'Error', 'unknown'],
      [{ value: 'down' }, 'Error', 'down'],
      ['down', 'Error', 'down'],
      [5, 'Error', '5'],
      [false, 'Error', 'false'],
      [{ value: { name: 'RangeError', message: 'no' } }, 'RangeError', 'no'],
      [{ value: null }, 'Error', 'unknown'],
      [[], 'Error', 'unknown'],
      [null, 'Error', 'unknown'],
      [undefined, 'Error', 'unknown'],
    ];
    for (const [output, name, message] of cases) expect(parseFailure(output)).to.deep.equal({ name, message });
  });
});
