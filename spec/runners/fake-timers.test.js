import { deepStrictEqual } from 'node:assert';
import { cron, task } from '../../dist/index.js';
import { scenario, script } from '../../dist/testing/index.js';

// Vitest's are global, and Jest's are part of a module.
const timers = globalThis.vi ?? import.meta.jest;

afterEach(() => {
  timers.useRealTimers();
});

test('fake timers drive a cron that the test starts itself', async () => {
  timers.useFakeTimers({ now: Date.parse('2026-03-29T00:59:58Z') });
  const runs = [];
  const report = cron(
    task('report', async () => runs.push(new Date().toISOString())),
    '* * * * *',
    { timezone: 'UTC' },
  );
  const running = report.start().subscribe();
  await timers.advanceTimersByTimeAsync(62_000);
  running.unsubscribe();
  deepStrictEqual(runs, ['2026-03-29T01:00:00.000Z', '2026-03-29T01:01:00.000Z']);
});

test('a scenario has its own clock, which fake timers do not move', async () => {
  timers.useFakeTimers({ now: 7 });
  await scenario({
    run: () => [script('http', '[->--|')],
    during: async () => timers.advanceTimersByTime(60_000),
    expect: 'http  [->--|',
  });
  deepStrictEqual(Date.now(), 60_007);
});
