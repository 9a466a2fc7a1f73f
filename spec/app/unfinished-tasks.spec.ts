import { expect } from 'chai';
import { unfinishedTasks } from '../../lib/app/unfinished-tasks.js';

type Ended = Parameters<typeof unfinishedTasks>[0];
interface Named extends Ended {
  readonly task: string;
  readonly members?: readonly Named[];
}

const namesOf = (outcome: Named) => unfinishedTasks(outcome).map(({ task }) => task);

describe('unfinishedTasks', () => {
  it('replaces a group by its members that timed out', () => {
    const group = (task: string, ...members: Named[]): Named => ({ task, status: 'timed-out', members });
    const leaf = (task: string, status = 'timed-out'): Named => ({ task, status });
    expect(namesOf(group('app', leaf('a'), leaf('b', 'cancelled'), group('c', leaf('d'))))).to.deep.equal(['a', 'd']);
    expect(namesOf(leaf('a', 'completed'))).to.deep.equal([]);
  });

  it('names a task whose children have ended, and one that hangs in its own hook beside a child', () => {
    const children = { started: 1, failed: 0 };
    const parent = (fields: Partial<Named>, status: string): Named => ({
      task: 'http',
      status: 'timed-out',
      children,
      members: [{ task: 'job', status }],
      ...fields,
    });
    expect(namesOf(parent({ phase: 'execute' }, 'cancelled'))).to.deep.equal(['http']);
    expect(namesOf(parent({ phase: 'execute' }, 'timed-out'))).to.deep.equal(['http', 'job']);
    expect(namesOf(parent({}, 'timed-out'))).to.deep.equal(['job']);
  });

  it('finds a task that is nested 20,000 levels deep', () => {
    let outcome: Named = { task: 'leaf', status: 'timed-out' };
    for (let level = 0; level < 20_000; level++) outcome = { task: 'group', status: 'timed-out', members: [outcome] };
    expect(namesOf(outcome)).to.deep.equal(['leaf']);
  });
});
