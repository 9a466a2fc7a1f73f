import { expect } from 'chai';
import fc from 'fast-check';
import { parseFailure, parseJobData, parseJobRow, parseOutput } from '../../lib/fleet/job-row.js';

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
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
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
    expect(parseJobData({ input: 1, after: ['noon', 5, null], outputs: 'none' })).to.deep.equal({
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
      [{ value: null }, 'Error', 'unknown'],
      [[], 'Error', 'unknown'],
      [null, 'Error', 'unknown'],
      [undefined, 'Error', 'unknown'],
    ];
    for (const [output, name, message] of cases) expect(parseFailure(output)).to.deep.equal({ name, message });
  });
});
