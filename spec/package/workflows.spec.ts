import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';

interface Job {
  readonly environment?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly { readonly run?: string; readonly uses?: string }[];
}

const folder = '.github/workflows';
const read = (file: string) => readFileSync(`${folder}/${file}`, 'utf8');
const release = parse(read('release.yml')) as { permissions: object; jobs: { build: Job; publish: Job } };

describe('The workflows', () => {
  it('pin each action by its commit, and name its version', () => {
    const uses = readdirSync(folder).flatMap((file) => read(file).match(/\buses: .*/g) ?? []);
    expect(uses).to.have.length.above(4);
    for (const use of uses) expect(use).to.match(/^uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('build a release with a token that can only read', () => {
    expect(release.permissions).to.deep.equal({});
    expect(release.jobs.build.permissions).to.deep.equal({ contents: 'read' });
  });

  it('publish a release in an environment, with provenance, and run no code of the repository there', () => {
    const { environment, permissions, steps } = release.jobs.publish;
    expect(environment).to.equal('npm');
    expect(permissions).to.deep.equal({ contents: 'write', 'id-token': 'write' });
    expect(steps.map(({ run, uses }) => run?.split(' ').slice(0, 2).join(' ') ?? uses?.split('@')[0])).to.deep.equal([
      'actions/download-artifact',
      'actions/setup-node',
      'npm publish',
      'gh release',
    ]);
    expect(steps.find(({ run }) => run?.startsWith('npm'))?.run).to.include('./rxjs-tasks-*.tgz --provenance');
  });
});
