import { expect } from 'chai';
import { renderSvg, renderText, type Recording } from '../../lib/inspect/index.js';
import { replay, toMarbles } from '../../lib/testing/index.js';

describe('A value that is no recording', () => {
  const empty: Recording = { version: 1, from: 0, dropped: 0, events: [] };
  const readers = {
    renderSvg,
    renderText,
    toMarbles,
    replay: (recording: Recording) => replay(recording, { run: () => [] }),
  };

  for (const [name, read] of Object.entries(readers))
    it(`is refused by ${name}, also if only a part of it is wrong`, () => {
      expect(() => read(empty)).not.to.throw();
      const wrong = [
        undefined,
        null,
        'text',
        [],
        { ...empty, version: 2 },
        { ...empty, from: undefined },
        // JSON stores NaN so.
        { ...empty, from: null },
        { ...empty, events: {} },
        ...[null, 'text', {}, { type: 'ready' }, { type: 1, at: 0 }, { type: 'ready', at: null }].map((event) => ({
          ...empty,
          events: [event],
        })),
      ];
      for (const value of wrong)
        expect(() => read(value as never), JSON.stringify(value)).to.throw(
          TypeError,
          'Expected `recording` to be a recording made by `record`, got',
        );
    });
});
