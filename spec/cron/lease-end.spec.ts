import { expect } from 'chai';
import { finalize, Subject } from 'rxjs';
import { cron, task, withCancel } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { events } from '../helpers/tasks.js';

describe('A lease that ends without an answer', () => {
  for (const end of ['complete', 'error'] as const)
    it(`is the reason of the skip, also when its teardown cancels the cron (${end})`, () => {
      const [ctx, cancel] = withCancel(undefined, { scheduler: virtualClock() });
      const answers = new Subject<boolean>();
      const coordinator = { lease: () => answers.pipe(finalize(() => cancel())) };
      const runner = cron(
        task('x', () => 1),
        10,
        { coordinator },
      );
      const emitted = events(runner);
      runner.start(ctx).subscribe();
      if (end === 'complete') answers.complete();
      else answers.error(new Error('lost'));
      const skipped = emitted.filter(({ type }) => type === 'skipped');
      expect(skipped).to.have.lengthOf(1);
      expect(skipped[0]).to.include({ reason: 'coordinator' }).and.to.have.property('error');
    });
});
