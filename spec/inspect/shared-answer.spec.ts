import { expect } from 'chai';
import { SharedAnswers } from '../../lib/inspect/server/shared-answer.js';

describe('The shared answers to queries', () => {
  let queried: string[];
  let answers: SharedAnswers<string>;
  const get = (key: string) =>
    answers.get(key, () => {
      queried.push(key);
      return Promise.resolve(`answer to ${key}`);
    });
  const keys = (length: number) => Array.from({ length }, (_, index) => `key ${index}`);

  beforeEach(() => {
    queried = [];
    answers = new SharedAnswers(() => 0);
  });

  it('are those to the same key', async () => {
    for (const key of ['a', 'b', 'a', 'b']) expect(await get(key)).to.equal(`answer to ${key}`);
    expect(queried).to.deep.equal(['a', 'b']);
  });

  it('are kept for a hundred keys, those that were requested last', async () => {
    for (const key of keys(100)) await get(key);
    await get('key 0');
    expect(queried).to.deep.equal(keys(100));
    await get('another');
    queried = [];
    for (const key of ['key 0', 'key 2', 'key 99', 'another']) await get(key);
    expect(queried).to.deep.equal([]);
    await get('key 1');
    expect(queried).to.deep.equal(['key 1']);
  });

  it('are new after a change', async () => {
    await get('a');
    answers.clear();
    await get('a');
    expect(queried).to.deep.equal(['a', 'a']);
  });

  it('include a failure, even of a query that throws', async () => {
    let queries = 0;
    const fail = () =>
      answers.get('a', () => {
        queries++;
        throw new Error('gone');
      });
    for (let request = 0; request < 2; request++)
      expect(await fail().catch((error: unknown) => String(error))).to.equal('Error: gone');
    expect(queries).to.equal(1);
  });

  it('are new 20 s later, although the clock was set forward during the query', async () => {
    let [now, queries] = [0, 0];
    answers = new SharedAnswers(() => now);
    const ask = () =>
      answers.get('a', () => {
        queries++;
        return Promise.resolve('answer');
      });
    const first = ask();
    now += 3_600_000;
    await first;
    now += 19_999;
    await ask();
    expect(queries).to.equal(1);
    now += 1;
    await ask();
    expect(queries).to.equal(2);
  });
});
