import { match } from 'node:assert';
import { ordered, task } from '../../dist/index.js';
import { scenario, script } from '../../dist/testing/index.js';

const shop = (expect) =>
  scenario({
    at: '2026-03-29T00:59:00Z',
    run: () => [
      ordered('shop', script('db', '[-->--(!])-|'), script('http', '[->--(!])---|')),
      task('clock', async () => {
        await new Promise((resolve) => setTimeout(resolve, 8));
        return new Date().getUTCMinutes();
      }),
    ],
    signals: '----------T',
    values: { m: 59 },
    expect,
  });

test('a scenario passes', async () => {
  await shop(`
    shop/db    [-->-------   ---(!])-|
    shop/http  ---[->----(!])---|
    clock      >-------(m|)
  `);
});

test('a failed scenario shows the expected marbles above the actual ones', async () => {
  const { message } = await shop('clock  >------m').catch((error) => error);
  match(message, /^expected {2}clock {2}>------m\nactual {4}clock {2}>-------\(m\|\)\n {24}\^$/m);
});
