import { deepStrictEqual, match } from 'node:assert';
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

test('a scenario after fake timers has the time of its own clock', async () => {
  timers.useFakeTimers();
  timers.useRealTimers();
  await scenario({ run: () => [script('http', '[->--|')], expect: 'http  [->--|' });
});

test('a scenario under fake timers is refused', async () => {
  timers.useFakeTimers();
  const run = scenario({ run: () => [script('http', '[->--|')] });
  const { message } = await run.catch((error) => error);
  match(message, /fake timers/);
});
