import { expect } from 'chai';
import { Subject } from 'rxjs';
import { critical, ordered, task } from '../../lib/index.js';
import { collect } from '../helpers/collect.js';

describe('A group whose member fails while the group reports that it is ready', () => {
  for (const [name, wrap] of [
    ['alone', (group: ReturnType<typeof ordered>) => group],
    ['critical', critical],
  ] as const)
    it(`is not ready afterwards (${name})`, () => {
      const work = new Subject<never>();
      const group = ordered(
        'app',
        task('worker', () => work),
      );
      const runner = wrap(group);
      group.events$.subscribe(({ task, type }) => {
        if (task === 'app' && type === 'ready') work.error(new Error('lost'));
      });
      const early = collect(runner.ready$);
      runner.start().subscribe({ error: () => undefined });
      expect([early, collect(runner.ready$)]).to.deep.equal([['complete'], ['complete']]);
    });
});
