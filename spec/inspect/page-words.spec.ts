import { expect } from 'chai';
import { span } from '../../lib/inspect/page/words.js';

describe('a length of time on the page', () => {
  it('has no 60 of what is counted to 59', () => {
    expect([999.6, 9999, 59_700, 119_700, 3_599_700, 7_199_000, 86_399_000].map(span)).to.deep.equal([
      '1.0 s',
      '10 s',
      '1 min 0 s',
      '2 min 0 s',
      '1 h 0 min',
      '2 h 0 min',
      '1 d 0 h',
    ]);
  });
});
