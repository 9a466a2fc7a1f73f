import { expect } from 'chai';
import { catchUncaughtErrors } from '../../lib/app/uncaught-errors.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { settled } from '../helpers/tasks.js';

const kinds = ['uncaughtException', 'unhandledRejection'] as const;

describe('A function that catches uncaught errors', () => {
  const written = spyOnConsoleError();

  for (const kind of kinds)
    it(`is not called with what it has rejected with itself (${kind})`, async () => {
      const [first, second] = [new Error('first'), new Error('second')];
      const [calls, errors]: [unknown[], unknown[]] = [[], []];
      // It rejects no more than three times: before the first timer, Node would call it for ever.
      const reject = async (error: unknown) => {
        if (calls.push(error) <= 3) throw second;
      };
      const release = catchUncaughtErrors(reject, (error) => errors.push(error));
      const [listener] = process.listeners(kind as 'uncaughtException').slice(-1);
      listener?.(first, 'uncaughtException');
      await settled();
      release();
      expect([calls, errors, written.all()]).to.deep.equal([[first], [first, second], [first, second]]);
    });
});
