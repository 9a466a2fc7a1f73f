import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { task, taskRunner } from '../../lib/index.js';

describe('The subscriber of a child', () => {
  it('gets the end of the child before the parent finalizes', () => {
    const log: string[] = [];
    const [ends, fails] = [task('ends', () => NEVER), task('fails', { execute: () => NEVER, finalize: throwing })];
    function throwing(): never {
      throw new Error('boom');
    }
    const parent = taskRunner(
      task('parent', {
        execute: (ctx) => {
          for (const child of [ends, fails])
            taskRunner(child)
              .start(ctx)
              .subscribe({
                complete: () => log.push(`${String(child)} completed`),
                error: () => log.push(`${String(child)} failed`),
              });
        },
        finalize: () => void log.push('finalize'),
      }),
    );
    parent.start().subscribe();
    expect(log).to.deep.equal(['ends completed', 'fails failed', 'finalize']);
  });
});
