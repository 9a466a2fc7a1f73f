import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { cron, dynamic, orchestrate, supervise, task } from '../../lib/index.js';
import { renderSvg, renderText, type Recording } from '../../lib/inspect/index.js';
import { markStyles } from '../../lib/inspect/styles.js';
import { record, virtualClock } from '../../lib/testing/index.js';

/** Records a cron and a dynamic group that an operator controls, one step each ten seconds. */
function operated(): Recording {
  const clock = virtualClock(0);
  const by = { by: 'ops' };
  const work = task('work', () => NEVER);
  const report = cron(
    task('report', () => 1),
    10_000,
    { immediate: false },
  );
  const tenants = dynamic('tenants');
  const worker = supervise(work);
  const recording = record(orchestrate([report, tenants, worker], { scheduler: clock }), { clock });
  for (const step of [
    () => void report.trigger(by),
    () => tenants.add('acme', work, by),
    () => report.pause(by),
    () => tenants.add('b.example', work),
    () => report.resume(by),
    () => report.reschedule(3000, by),
    () => void tenants.remove('acme', by),
    () => void worker.restart(by),
  ]) {
    clock.advance(10_000);
    step();
  }
  clock.advance(1000);
  return JSON.parse(JSON.stringify(recording)) as Recording;
}

describe('The marks of the actions of an operator', () => {
  const kinds = ['added', 'removed', 'triggered', 'paused', 'resumed', 'rescheduled', 'restart-requested'] as const;

  it('are in a picture, with the key, the next run and the person, and in its legend', () => {
    const svg = renderSvg(operated());
    const titles = [...svg.matchAll(/<title>([^<]*)/g)].map(([, title]) => title);
    expect(titles).to.include.members([
      'triggered, 10 s: by ops',
      'added, 20 s: acme, by ops',
      'paused, 30 s: by ops',
      'added, 40 s: b.example',
      'resumed, 50 s: by ops',
      'rescheduled, 1 min: next in 3 s, by ops',
      'removed, 1 min 10 s: acme, by ops',
      'restart requested, 1 min 20 s: by ops',
    ]);
    for (const kind of kinds) expect(svg, kind).to.include(`>${markStyles[kind].label}</text>`);
  });

  it('are in a text, in the rows of the cron and of the group, and in its legend', () => {
    const lines = renderText(operated(), { width: 140 }).split('\n');
    const line = (start: string) => lines.find((each) => each.startsWith(start)) ?? expect.fail(start);
    const symbols = (text: string) => text.replaceAll(/[^{;^&@,%]/g, '');
    // The slots that were missed in the pause are more important than its end.
    expect(symbols(line('report'))).to.equal('^,%@');
    expect(symbols(line('tenants'))).to.equal('{{;');
    // The restart, which comes at once, is more important than the request.
    expect(line('work ')).to.match(/━↻━ +running, 1 restart$/);
    expect(line('  acme')).to.match(/━■ +cancelled$/);
    expect(line('  b.example')).to.match(/━ +running$/);
    for (const kind of ['added', 'removed', 'triggered', 'paused', 'rescheduled'] as const)
      expect(lines.join('\n')).to.include(`${markStyles[kind].symbol} ${markStyles[kind].label}`);
  });

  it('stand out from the bar of a running task', () => {
    for (const kind of kinds) {
      const paints = markStyles[kind].paths.map(({ paint }) => paint);
      expect(paints.includes('outline') || paints[0] === 'backdrop', kind).to.equal(true);
    }
    // An outline has an area to fill only if it is closed.
    for (const kind of kinds)
      for (const { paint, path } of markStyles[kind].paths) if (paint === 'outline') expect(path, kind).to.include('Z');
  });
});
