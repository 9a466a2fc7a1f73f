import { expect } from 'chai';
import type { Db } from 'pg-boss';
import { closable } from '../../lib/fleet/closable-db.js';
import { waitUntil } from '../helpers/wait.js';

describe('A closable connection', () => {
  /** A connection whose statements are answered by hand. */
  function connect(further: Partial<Db> = {}) {
    const answers: ((rows: unknown[]) => void)[] = [];
    const sent: unknown[] = [];
    const executeSql: Db['executeSql'] = (text, values) => {
      sent.push([text, values]);
      return new Promise((resolve) => answers.push((rows) => resolve({ rows })));
    };
    return { db: closable({ executeSql, ...further }), answers, sent };
  }

  it('executes statements until it is closed, and is closed when all of them are answered', async () => {
    const { db, answers, sent } = connect();
    const answer = db.executeSql('select $1', [1]);
    expect(sent).to.deep.equal([['select $1', [1]]]);
    let closed = false;
    const closing = db.close().then(() => (closed = true));
    expect(await db.executeSql('select 2').catch(String)).to.equal('CancelledError: The fleet is closed');
    await new Promise(setImmediate);
    expect([sent.length, closed]).to.deep.equal([1, false]);
    answers[0]?.([7]);
    expect(await answer).to.deep.equal({ rows: [7] });
    await closing;
  });

  it('rejects all unanswered and all later statements when it is abandoned', async () => {
    const { db, answers, sent } = connect();
    const answered = db.executeSql('select 1');
    const unanswered = db.executeSql('select 2').catch(String);
    answers[0]?.([]);
    expect(await answered).to.deep.equal({ rows: [] });
    db.abandon();
    expect(await unanswered).to.equal('CancelledError: The fleet is closed');
    expect(await db.executeSql('select 3').catch(String)).to.equal('CancelledError: The fleet is closed');
    expect(sent.length).to.equal(2);
    await db.close();
  });

  it('rejects statements with the cause that has closed it', async () => {
    const cause = new Error('cancelled');
    const causeOf = (answer: Promise<unknown>) => answer.catch((error: unknown) => (error as Error).cause);
    const { db } = connect();
    const unanswered = causeOf(db.executeSql('select 1'));
    db.abandon(cause);
    const closed = connect().db;
    await closed.close(cause);
    const later = [db, closed].map((each) => causeOf(each.executeSql('select 2')));
    expect(await Promise.all([unanswered, ...later])).to.deep.equal([cause, cause, cause]);
    const { db: uncancelled } = connect();
    await uncancelled.close();
    expect(await uncancelled.executeSql('select 3').catch(Object.keys)).not.to.include('cause');
  });

  it('keeps no answer in memory', async () => {
    const { db, answers } = connect();
    const answerOnce = () => {
      const answer = db.executeSql('select 1');
      answers.pop()?.([]);
      return answer;
    };
    const answer = new WeakRef(await answerOnce());
    await waitUntil(() => {
      global.gc?.();
      return answer.deref() === undefined;
    });
    await db.close();
  });

  it('has the further methods of the connection, if it has any', () => {
    expect(connect().db).to.have.all.keys('executeSql', 'close', 'abandon');
    const own: object[] = [];
    function method(this: object): void {
      own.push(this);
    }
    const { db } = connect({ listen: method, poolCounts: method } as unknown as Partial<Db>);
    const { listen, poolCounts } = db as unknown as Record<'listen' | 'poolCounts', () => void>;
    listen();
    poolCounts();
    expect(own.map((each) => 'listen' in each && 'executeSql' in each)).to.deep.equal([true, true]);
  });
});
