import { expect } from 'chai';
import { task, taskRunner, type Outcome } from '../../lib/index.js';
import { mapOutcomes } from '../../lib/task/map-outcomes.js';

interface Names {
  readonly name: string;
  readonly members?: Names[] | undefined;
}

describe('mapOutcomes', () => {
  const runner = taskRunner(task('x', () => 1));
  const outcome = (name: string, ...members: Outcome[]): Outcome => ({
    task: name,
    runner,
    status: 'completed',
    members,
  });
  const convert = ({ task: name }: Outcome, members: Names[] | undefined): Names => ({ name, members });

  it('converts members, in their order', () => {
    expect(mapOutcomes([outcome('a', outcome('b'), outcome('c')), outcome('d')], convert)).to.deep.equal([
      {
        name: 'a',
        members: [
          { name: 'b', members: [] },
          { name: 'c', members: [] },
        ],
      },
      { name: 'd', members: [] },
    ]);
  });

  it('lists members below level 100 at that level, each after the outcome that it is a member of', () => {
    let nested = outcome('100', outcome('101', outcome('102')), outcome('103'));
    for (let level = 99; level >= 0; level--) nested = outcome(String(level), nested);
    let names = mapOutcomes([nested], convert);
    for (let level = 0; level < 100; level++) {
      expect(names.map(({ name }) => name)).to.deep.equal([String(level)]);
      names = names[0]?.members ?? [];
    }
    expect(names).to.deep.equal(['100', '101', '102', '103'].map((name) => ({ name, members: undefined })));
  });
});
