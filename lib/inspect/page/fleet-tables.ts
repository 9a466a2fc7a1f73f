import type { CronState, FleetMember, PausedCron, QueueState } from '../../fleet/types.js';
import { duration } from '../../util/duration.js';
import { printable } from '../../util/printable.js';
import { button, element } from './element.js';
import { counted, shortTime } from './format.js';
import { countText, endedTime, perMinute } from './queue-facts.js';

/** The largest number of rows of a table. */
const maxRows = 50;

/** A row of a table. */
interface TableRow {
  readonly name: string;
  readonly title: string;
  /** Default: the name. */
  readonly label?: readonly Node[];
  readonly cells: readonly HTMLElement[];
  /** Whether something is wrong, so that the row comes first in a long table. */
  readonly hasProblem: boolean;
}

export function membersTable(members: readonly FleetMember[], now: number): Node {
  return table('Members', ['Member', 'Last sign of life'], members, ({ name, host, pid, seen, live }) => {
    const dot = element('span', '');
    dot.className = 'dot';
    dot.dataset['status'] = live ? 'running' : 'failed';
    const sign = element('td', live ? 'live' : `quiet for ${duration(Math.max(0, now - seen))}`);
    sign.prepend(dot);
    if (!live) sign.className = 'bad';
    return { name, title: `${name}: process ${pid} on ${host}`, cells: [sign], hasProblem: !live };
  });
}

/** Creates the table of queues. The name of each is a button whose click the section handles. */
export function queuesTable(queues: readonly QueueState[]): Node {
  const headings = ['Queue', 'Waiting', 'Running', 'Oldest', 'Per min', 'Failed', 'Dead'];
  return table('Queues', headings, queues, ({ name, waiting, running, dead, ended, oldestMs, paused }) => {
    const number = (count: number, isBad = false) => {
      const cell = element('td', countText(count));
      cell.className = count === 0 ? 'number none' : isBad ? 'number bad' : 'number';
      return cell;
    };
    const oldest = element('td', oldestMs === undefined ? '–' : duration(oldestMs));
    if (oldestMs === undefined) oldest.className = 'none';
    const [completed, failed] = [
      number(perMinute(ended.completed, ended)),
      number(perMinute(ended.failed, ended), true),
    ];
    completed.title = `${counted(ended.completed, 'job')} completed ${endedTime(ended)}`;
    failed.title = `${counted(ended.failed, 'job')} failed ${endedTime(ended)}`;
    const opener = button(name);
    opener.dataset['queue'] = name;
    return {
      name,
      title: paused ? `${name}: paused by ${paused.by}` : name,
      label: paused ? [opener, pausedMark()] : [opener],
      cells: [number(waiting), number(running), oldest, completed, failed, number(dead, true)],
      hasProblem: dead > 0 || paused !== undefined,
    };
  });
}

function pausedMark(): HTMLElement {
  const mark = element('span', 'paused');
  mark.className = 'paused';
  return mark;
}

/** @param paused the crons that are paused in all processes. Some of them may have had no slot yet. */
export function cronsTable(crons: readonly CronState[], paused: readonly PausedCron[], now: number): Node {
  const pauses = new Map(paused.map((pause) => [pause.task, pause]));
  const states = new Map(crons.map((cron) => [cron.task, cron]));
  const tasks = [...new Set([...states.keys(), ...pauses.keys()])];
  return table('Crons', ['Cron', 'Last slot', 'Lease holder'], tasks, (task) => {
    const { slot, holder } = states.get(task) ?? {};
    const pause = pauses.get(task);
    const lastSlot = element('td', slot === undefined ? 'none' : shortTime(slot, now));
    const lease = element('td', pause ? `paused by ${pause.by}` : (holder ?? 'none'));
    if (slot === undefined) lastSlot.className = 'none';
    if (pause) lease.className = 'paused';
    else if (holder === undefined) lease.className = 'none';
    lease.title = printable(pause ? `Paused by ${pause.by} at ${shortTime(pause.at, now)}` : (holder ?? ''));
    return { name: task, title: task, cells: [lastSlot, lease], hasProblem: pause !== undefined };
  });
}

/** Creates a table in the order of the names, so that no row moves under the pointer. */
function table<T>(
  title: string,
  headings: readonly string[],
  items: readonly T[],
  rowOf: (item: T) => TableRow,
): HTMLElement {
  const all = items.map(rowOf).sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  const rows = mostImportant(all).map(({ name, title, label, cells }) => {
    const head = label ? element('th', '', element('div', '', ...label)) : element('th', name);
    head.setAttribute('scope', 'row');
    head.title = printable(title);
    return element('tr', '', head, ...cells);
  });
  const hiddenRows = all.length - rows.length;
  if (all.length === 0 || hiddenRows > 0) {
    const cell = element('td', all.length === 0 ? 'none' : `and ${hiddenRows} more`);
    cell.className = 'none';
    cell.setAttribute('colspan', String(headings.length));
    rows.push(element('tr', '', cell));
  }
  const heads = headings.map((text) => {
    const cell = element('th', text);
    cell.setAttribute('scope', 'col');
    return cell;
  });
  const created = element(
    'table',
    '',
    element('caption', title),
    element('thead', '', element('tr', '', ...heads)),
    element('tbody', '', ...rows),
  );
  created.dataset['of'] = title.toLowerCase();
  return created;
}

function mostImportant(rows: readonly TableRow[]): readonly TableRow[] {
  if (rows.length <= maxRows) return rows;
  const problems = rows.filter(({ hasProblem }) => hasProblem);
  const others = rows.filter(({ hasProblem }) => !hasProblem);
  return [...problems, ...others].slice(0, maxRows);
}
