import { expect } from 'chai';
import { compileProgram } from '../helpers/compile-program.js';
import { Program, type ProgramResult } from '../helpers/program.js';
import { unprintableIn } from '../helpers/unprintable.js';

const path = compileProgram('spec/fixtures/hostile-texts.ts');
const run = (name: string): Promise<ProgramResult> => new Program(process.execPath, [path, name]).ended;

/** Expects that a program has written its texts, and nothing that a terminal obeys except line breaks. */
function expectPrintable({ stdout, stderr }: ProgramResult): void {
  const text = stdout + stderr;
  expect(text).to.include('esrever');
  expect(unprintableIn(text.replaceAll('\n', ''))).to.equal(undefined);
  // A lone surrogate is written as this character.
  expect(text).not.to.include('\ufffd');
  expect(text).not.to.match(/^forged/m);
}

describe('A process whose names, errors and options have control characters', () => {
  it('writes none of them to the console or in its report', async () => {
    const result = await run('console');
    expectPrintable(result);
    expect(result.code).to.equal(1);
    const { stdout, stderr } = result;
    for (const part of ['initialize', 'execute', 'finalize', 'text', 'object', 'several', 'supervised', 'parent'])
      expect(stderr, part).to.match(new RegExp(`^\\[?TaskError: ${part} x`, 'm'));
    expect(stderr)
      .to.match(/^Cron overlapping x 31m esrever forged: all is well: \d+ slots? /m)
      .and.match(/^Error x 31m esrever/m);
    expect(stdout.split('Not clean')).to.have.length(4);
  });

  it('writes none of them as lines or as JSON', async () => {
    const lines = await run('ui: lines');
    expectPrintable(lines);
    expect(lines.stderr).to.match(/Z failed {9}execute x/);
    const json = await run('ui: json');
    expectPrintable(json);
    const parsed = json.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(parsed.at(-1)?.type).to.equal('shutdown');
  });

  it('names its unfinished tasks without them', async () => {
    const result = await run('unfinished');
    expectPrintable(result);
    expect([result.code, result.stderr]).to.deep.equal([
      1,
      'Exiting with 1, because tasks did not end within 20 ms of the cancel: ' +
        'first x 31m esrever forged: all is well (finalize), ' +
        'group x 31m esrever forged: all is well/b x 31m esrever forged: all is well (finalize); ' +
        'not cancelled yet: group x 31m esrever forged: all is well/a x 31m esrever forged: all is well\n',
    ]);
  });

  for (const name of ['misspelled option', 'option', 'ui', 'signal', 'schedule', 'time zone', 'runner']) {
    it(`is refused without them in the message (${name})`, async () => {
      const result = await run(`refused: ${name}`);
      expectPrintable(result);
      expect(result.code).to.equal(1);
      expect(result.stderr).to.match(/^(Type|Range)Error: Expected (`|an option of `)/m);
    });
  }
});
