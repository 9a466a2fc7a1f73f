import { expect } from 'chai';
import fc from 'fast-check';
import { parseTraceFields } from '../../lib/context/trace-fields.js';

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('The fields of a trace context', () => {
  it('are kept as a propagator has written them', () => {
    const fields = { traceparent, tracestate: 'vendor=a:1,other=2', baggage: 'tenant=a%20b;p=1', 'X-B3-TraceId': 'ab' };
    expect(parseTraceFields(fields)).to.deep.equal(fields);
  });

  it('are strings of printable ASCII and of a bounded length, whatever another program has written', () => {
    const names = fc.constantFrom('traceparent', 'tracestate', '__proto__', 'a b', 'x'.repeat(65));
    const text = fc.string({ unit: 'binary', maxLength: 9000, size: 'max' });
    const anyValue = fc.oneof(fc.jsonValue(), fc.dictionary(names, fc.oneof(fc.jsonValue(), text)));
    fc.assert(
      fc.property(anyValue, (value) => {
        const fields = Object.entries(parseTraceFields(value) ?? { none: '' });
        expect(fields).to.have.length.within(1, 16);
        for (const [name, text] of fields) {
          expect(name).to.match(/^[\w-]{1,64}$/);
          expect(text).to.match(/^[\x20-\x7e]{0,8192}$/);
        }
      }),
    );
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
  });

  it('are left out one by one', () => {
    const forged = { traceparent, tracestate: 5, baggage: 'x'.repeat(8193), nul: '\0', line: 'a\r\nb', lone: '\ud800' };
    expect(parseTraceFields(forged)).to.deep.equal({ traceparent });
  });

  it('are undefined if there are none', () => {
    for (const value of [undefined, null, 5, 'x', {}, [], { traceparent: null }])
      expect(parseTraceFields(value)).to.equal(undefined);
  });
});
