export const title = 'year: n runs of a cron of every minute, in virtual time';
export const unit = 's';
export const sizes = [525_600];
export const limit = 100_000;

export const contenders = { 'by period': 60_000, 'by expression': '* * * * *' };

export async function measure(contender, n) {
  const { cron, task, withCancel } = await import('../../dist/index.js');
  const { TestScheduler } = await import('rxjs/testing');

  const runs = (total) => {
    const scheduler = new TestScheduler(() => {});
    scheduler.run(() => {
      const [ctx, cancel] = withCancel(undefined, { scheduler });
      let done = 0;
      const count = task('x', () => {
        if (++done === total) cancel();
      });
      cron(count, contenders[contender]).start(ctx).subscribe();
      scheduler.flush();
      if (done !== total) throw new Error(`${done} runs, not ${total}`);
    });
  };

  runs(20_000);
  const start = performance.now();
  runs(n);
  return (performance.now() - start) / 1000;
}

export const targets = [
  { what: 'a year of minute runs in virtual time, by period', n: 525_600, ours: 'by period', figure: 1 },
  { what: 'a year of minute runs in virtual time, by expression', n: 525_600, ours: 'by expression', figure: 30 },
];
