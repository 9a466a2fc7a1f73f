import { expect } from 'chai';
import { readFileSync } from 'node:fs';

type Dated = (changelog: string, version: string, day: Date) => string;
type Versioned = (source: string, version: string) => string;
const release = (file: string) => import(new URL(`../../release/${file}.js`, import.meta.url).href) as Promise<object>;
const { dated } = (await release('dated')) as { dated: Dated };
const { versioned } = (await release('versioned')) as { versioned: Versioned };
const day = new Date('2027-01-02T03:04:05Z');

describe('The changelog', () => {
  it('moves the unreleased entries under the version and its date', () => {
    const old = '# Changelog\n\n## Unreleased\n\nTwo.\n\n## 0.1.0, 2026-12-01\n\nOne.\n';
    expect(dated(old, '0.2.0', day)).to.equal(
      '# Changelog\n\n## Unreleased\n\n## 0.2.0, 2027-01-02\n\nTwo.\n\n## 0.1.0, 2026-12-01\n\nOne.\n',
    );
  });

  it('is rejected without unreleased entries', () => {
    expect(() => dated('# Changelog\n', '0.2.0', day)).to.throw('Expected a heading `## Unreleased`');
    expect(() => dated('## Unreleased\n\n## 0.1.0, 2026-12-01\n\nOne.\n', '0.2.0', day)).to.throw(
      'Expected the changelog to say what 0.2.0 brings',
    );
  });

  it('has unreleased entries, or its latest version is that of package.json', () => {
    const changelog = readFileSync('CHANGELOG.md', 'utf8');
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const [, released] = /^## Unreleased\n\n## ([^,]+),/m.exec(changelog) ?? [];
    if (released === undefined) expect(dated(changelog, '9.9.9', day)).to.include('\n## 9.9.9, 2027-01-02\n');
    else expect(released).to.equal(version);
  });
});

describe('The version in the source', () => {
  it('is updated by a release', () => {
    const source = readFileSync('lib/otel/names.ts', 'utf8');
    expect(versioned(source, '9.9.9')).to.include("{ name: 'rxjs-tasks', version: '9.9.9' }");
    expect(() => versioned('', '9.9.9')).to.throw('Expected a `version`');
  });
});
