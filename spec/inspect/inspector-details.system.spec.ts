import { expect } from 'chai';
import { EMPTY, NEVER, Subject } from 'rxjs';
import { cron, dynamic, optional, ordered, supervise, task } from '../../lib/index.js';
import type { TaskDetails } from '../../lib/inspect/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { httpRequest } from '../helpers/http.js';
import { inspectedApps } from '../helpers/inspected.js';

const untilCancelled = (name: string) => task(name, () => NEVER);

describe('The details of a task from an inspector', () => {
  const inspected = inspectedApps();

  const detailsOf = async (url: string, path: string) => {
    const { status, body } = await httpRequest(`${url}task?path=${encodeURIComponent(path)}`);
    expect(status, body).to.equal(200);
    return JSON.parse(body) as TaskDetails;
  };

  it('count its runs, and have the start, end and outcome of each, the median and the 95th percentile', async () => {
    const clock = virtualClock(0);
    const work$ = [2, 4, 30, 6, 8].map((ms) => ({ ms, done$: new Subject<void>() }));
    let runs = 0;
    const report = cron(
      task('report', () => work$[runs++]?.done$ ?? EMPTY),
      100,
      { immediate: false },
    );
    const { url } = await inspected([ordered('shop', report)], { scheduler: clock });
    for (const { ms, done$ } of work$) {
      clock.advance(100 - (clock.now() % 100) + ms);
      if (ms === 30) done$.error(new Error('no disk'));
      else done$.complete();
    }
    const { lastError, ...details } = await detailsOf(url, 'shop/report');
    expect(details).to.deep.equal({
      task: 'shop/report',
      runs: 5,
      failures: 1,
      durations: { median: 6, p95: 30 },
      lastRuns: [
        { status: 'completed', startedAt: 100, endedAt: 102 },
        { status: 'completed', startedAt: 200, endedAt: 204 },
        { status: 'failed', startedAt: 300, endedAt: 330 },
        { status: 'completed', startedAt: 400, endedAt: 406 },
        { status: 'completed', startedAt: 500, endedAt: 508 },
      ],
    });
    expect(lastError).to.deep.include({ name: 'TaskError', at: 330, task: 'shop/report', phase: 'execute' });
    expect(lastError?.stack).to.match(
      /^TaskError: shop\/report failed in execute: no disk\ncaused by: Error: no disk\n +at [^]*inspector-details/,
    );
  });

  it('are those of a path with a `?`, also one that is not encoded', async () => {
    const { url } = await inspected([untilCancelled('a?b')]);
    for (const query of ['path=a?b', 'path=a%3Fb']) {
      const { status, body } = await httpRequest(`${url}task?${query}`);
      expect([status, (JSON.parse(body) as TaskDetails).task], query).to.deep.equal([200, 'a?b']);
    }
  });

  it('have the last 50 runs of any number, and bounded memory', async () => {
    const clock = virtualClock(0);
    const often = cron(
      task('often', () => 1),
      1,
    );
    const { url } = await inspected([often], { scheduler: clock });
    clock.advance(1000);
    const { runs, lastRuns } = await detailsOf(url, 'often');
    expect([runs, lastRuns.length, lastRuns[0]?.startedAt, lastRuns.at(-1)?.startedAt]).to.deep.equal([
      1001, 50, 951, 1000,
    ]);
  });

  it('have each run of a supervised task, of tasks that come and go, and not that of the cron itself', async () => {
    const clock = virtualClock(0);
    const tenants = dynamic('tenants');
    let runs = 0;
    const worker = task('worker', () => {
      if (++runs < 3) throw new Error(`attempt ${runs}`);
      return NEVER;
    });
    const { url } = await inspected([supervise(worker, { backoff: { initial: 10 } }), tenants], { scheduler: clock });
    for (let times = 0; times < 3; times++) {
      tenants.add('acme', untilCancelled('sync'));
      await tenants.remove('acme');
    }
    clock.advance(1000);
    const details = await detailsOf(url, 'worker');
    expect([details.runs, details.failures]).to.deep.equal([2, 2]);
    expect(details.lastError?.message).to.equal('worker failed in execute: attempt 2');
    const ofMember = await detailsOf(url, 'tenants/acme');
    expect(ofMember.lastRuns.map(({ status }) => status)).to.deep.equal(['cancelled', 'cancelled', 'cancelled']);
    const brief = supervise(cron(untilCancelled('brief'), 10, { stopAt: 1 }));
    const second = await inspected([brief], { scheduler: clock });
    expect((await detailsOf(second.url, 'brief')).runs).to.equal(0);
  });

  it('name the tasks that it waits for while it is not ready', async () => {
    const up$ = new Subject<void>();
    const starting = (name: string) => task(name, { initialize: () => up$, execute: () => NEVER });
    const failing = task('failing', () => {
      throw new Error('no');
    });
    const { url } = await inspected([
      ordered('shop', starting('db'), optional(starting('cache')), ordered('web', untilCancelled('http'))),
      supervise(failing, { backoff: { initial: 60_000 } }),
    ]);
    const waitsFor = async (path: string) =>
      (await detailsOf(url, path)).waitsFor?.map((each) => `${each.path} ${each.status}`);
    expect(await detailsOf(url, 'shop/web')).to.deep.equal({
      task: 'shop/web',
      waitsFor: [{ path: 'shop/db', status: 'initializing' }],
      runs: 0,
      failures: 0,
      lastRuns: [],
    });
    expect(await waitsFor('shop')).to.deep.equal(['shop/db initializing', 'shop/web/http idle']);
    expect(await waitsFor('shop/db')).to.deep.equal(['shop/db initializing']);
    expect(await waitsFor('shop/web')).to.deep.equal(['shop/db initializing']);
    expect(await waitsFor('shop/web/http')).to.deep.equal(['shop/db initializing']);
    expect(await waitsFor('failing')).to.deep.equal(['failing restarting']);
    up$.complete();
    for (const path of ['shop', 'shop/db', 'shop/web/http']) expect(await waitsFor(path), path).to.equal(undefined);
  });

  it('are refused without the token, without a path, and for a task that there is not', async () => {
    const token = 'correct horse battery';
    const { url } = await inspected([untilCancelled('a')], {}, { token });
    const headers = { authorization: `Bearer ${token}` };
    expect((await httpRequest(`${url}task?path=a`)).status).to.equal(401);
    expect((await httpRequest(`${url}task?path=a`, headers)).status).to.equal(200);
    expect((await httpRequest(`${url}task`, headers)).status).to.equal(400);
    const { status, body } = await httpRequest(`${url}task?path=b`, headers);
    expect([status, JSON.parse(body)]).to.deep.equal([404, { error: 'There is no task b' }]);
  });
});
