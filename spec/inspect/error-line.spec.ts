import { expect } from 'chai';
import { TaskError } from '../../lib/index.js';
import { errorLine } from '../../lib/inspect/terminal/error-line.js';

/** Returns an error without frames, so that its line has no place. */
const named = (name: string, message: string, cause?: unknown) =>
  Object.assign(new Error(message, { cause }), { name, stack: '' });
const ofTask = (cause: unknown) => Object.assign(new TaskError('x', 'execute', cause), { stack: '' });

describe('The line of an error', () => {
  const lines: [error: unknown, line: string][] = [
    [named('RangeError', 'no disk'), 'RangeError: no disk'],
    ['no disk', 'no disk'],
    [undefined, 'undefined'],
    [named('Error', 'no report', named('TypeError', 'no disk')), 'Error: no report ← TypeError: no disk'],
    [named('Error', 'no report', 'no disk'), 'Error: no report ← no disk'],
    // The message of the cause is in it.
    [named('Error', 'no report: no disk', named('TypeError', 'no disk')), 'Error: no report: no disk'],
    [named('Error', 'no report: no disk', 'no disk'), 'Error: no report: no disk'],
    [named('Error', 'no disk for it', named('TypeError', 'no disk')), 'Error: no disk for it ← TypeError: no disk'],
    [named('Error', 'no report: full', named('DiskFull', 'full')), 'Error: no report: full ← DiskFull: full'],
    [named('Error', 'a: My b', 'My Error: b'), 'Error: a: My b ← My Error: b'],
    // Its task has a column of its own.
    [ofTask(named('TypeError', 'no disk')), 'execute: no disk'],
    [ofTask(named('Error', 'no report', named('TypeError', 'no disk'))), 'execute: no report ← TypeError: no disk'],
    [ofTask('no disk'), "execute: 'no disk'"],
    [named('Error', "no report: 'no disk", "no disk'"), "Error: no report: 'no disk ← no disk'"],
    [named('Error', 'x failed in execute: no disk'), 'Error: x failed in execute: no disk'],
    [named('Error', 'undefined failed in execute: no disk'), 'Error: undefined failed in execute: no disk'],
    [Object.assign(named('Error', 'lost'), { task: 'x', phase: 'execute' }), 'Error: lost'],
    [named('Error', 'two\nlines'), 'Error: two lines'],
  ];
  for (const [error, line] of lines)
    it(`is ${line}`, () => {
      expect(errorLine(error)).to.equal(line);
    });

  const placeIn = (stack: string) => {
    const error = Object.assign(new Error('x'), { stack });
    return errorLine(error).slice('Error: x'.length);
  };

  it('ends with the first place of the innermost cause that is a file of the application', () => {
    const places: [frame: string, place: string][] = [
      ['f (/a.js:1:2)', ' (/a.js:1:2)'],
      ['/a.js:1:2', ' (/a.js:1:2)'],
      ['async /a.js:1:2', ' (/a.js:1:2)'],
      ['/my async app/a.js:1:2', ' (/my async app/a.js:1:2)'],
      ['f (file:///a.js:1:2)', ' (/a.js:1:2)'],
      // No path of a file.
      ['f (file:///a%2Fb.js:1:2)', ' (file:///a%2Fb.js:1:2)'],
      ['/my app (1)/a.js:1:2', ' (/my app (1)/a.js:1:2)'],
      ['f (/a.js)', ''],
      ['f (/a.js:1:2) further', ''],
      ['f (/a.js:1:2:x)', ''],
      ['f (webpack:///a.js:1:2)', ''],
      ['f (see file:///a.js:1:2)', ''],
      ['f (/node_modules/a/b.js:1:2)', ''],
    ];
    for (const [frame, place] of places) expect(placeIn(`Error: x\n    at ${frame}`), frame).to.equal(place);
    expect(placeIn('Error: x\n    at f (/a.js:1:2)\n    at g (/b.js:3:4)')).to.equal(' (/a.js:1:2)');
    expect(placeIn('Error: x\n/a.js:1:2\nnot at /a.js:1:2')).to.equal('');
    const outer = Object.assign(
      named('Error', 'y', Object.assign(named('Error', 'z'), { stack: '    at /b.js:3:4' })),
      {
        stack: '    at /a.js:1:2',
      },
    );
    expect(errorLine(outer)).to.equal('Error: y ← Error: z (/b.js:3:4)');
  });
});
