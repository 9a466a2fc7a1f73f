import type { QueueState } from '../../fleet/types.js';
import { duration } from '../../util/duration.js';
import type { GroupsAnswer } from '../server/job-view.js';
import { ActionBar, type ActionButton } from './action-bar.js';
import { button, element, setText } from './element.js';
import type { FleetSnapshot } from './fleet-feed.js';
import { shortTime } from './format.js';
import { JobBrowser } from './job-browser.js';
import { groupTable } from './job-table.js';
import { operatorField } from './operator-name.js';
import { endedTime, queueFacts } from './queue-facts.js';
import { queueAddress, requestJson } from './request.js';
import { replaceChanged } from './replace-changed.js';

const pollIntervalMs = 2000;
/** The server shares its answers for a second. */
const afterActionMs = 1100;

/** The dialog of one queue: its counts, groups, jobs and actions. */
export class QueuePanel {
  readonly root: HTMLDialogElement = document.createElement('dialog');
  private readonly heading = element('h2', '');
  private readonly pause = element('p', '');
  private readonly facts = element('div', '');
  private readonly groups = element('div', '');
  private readonly name = operatorField();
  private readonly actions: ActionBar;
  private readonly jobs: JobBrowser;
  private readonly onPerformed: () => void;
  private queue = '';
  private snapshot: FleetSnapshot | undefined = undefined;
  private hasActions = false;

  /**
   * @param onPerformed called after each action, and when the server has its effect.
   * @param onClose called with the queue.
   */
  constructor(onPerformed: () => void, onClose: (queue: string) => void) {
    this.onPerformed = onPerformed;
    const performed = () => this.afterAction();
    this.actions = new ActionBar('Actions of the queue', performed);
    this.jobs = new JobBrowser(performed);
    const { root, heading, pause, facts, groups, name } = this;
    root.id = 'queue';
    root.setAttribute('aria-labelledby', 'queue-name');
    heading.id = 'queue-name';
    pause.className = 'paused';
    groups.className = 'groups';
    const close = button('✕', () => root.close());
    close.setAttribute('aria-label', 'Close queue');
    close.className = 'close';
    const operator = element('div', '', this.actions.root, name);
    operator.className = 'operator';
    const header = element('header', '', heading, pause, close);
    root.append(header, facts, operator, groups, this.jobs.root);
    // The keys of the page are for what is behind the dialog. They are pressed outside of it when its focus is lost.
    addEventListener('keydown', (event) => root.open && event.stopPropagation(), { capture: true });
    root.addEventListener('close', () => onClose(this.queue));
    // A click on the backdrop.
    root.addEventListener('click', ({ target }) => target === root && root.close());
    setInterval(() => {
      if (root.open && !document.hidden) void this.poll();
    }, pollIntervalMs);
  }

  open(queue: string): void {
    this.queue = queue;
    setText(this.heading, queue);
    this.groups.replaceChildren();
    this.jobs.open(queue);
    this.draw();
    this.root.showModal();
    void this.poll();
  }

  show(snapshot: FleetSnapshot | undefined, hasActions: boolean): void {
    this.snapshot = snapshot;
    this.hasActions = hasActions;
    this.jobs.hasActions = hasActions;
    if (this.root.open) this.draw();
  }

  private draw(): void {
    const { snapshot, queue: name, hasActions } = this;
    const now = snapshot?.now ?? 0;
    const state = snapshot?.state?.queues.find((each) => each.name === name);
    const paused = state?.paused;
    setText(this.pause, paused ? `Paused by ${paused.by} at ${shortTime(paused.at, now)}` : '');
    replaceChanged(this.facts, [
      ...(state ? [queueFacts(state), noteOf(state)] : [element('p', 'The fleet has no such queue')]),
      ...(snapshot?.failure === undefined ? [] : [staleNote(snapshot.failure, now - snapshot.at)]),
    ]);
    this.name.hidden = !hasActions;
    this.actions.show(name, state && hasActions ? buttonsOf(state) : []);
  }

  private async poll(): Promise<void> {
    const { queue } = this;
    void this.jobs.poll();
    const answer = await requestJson<GroupsAnswer>(`${queueAddress(queue)}/groups`);
    if (queue !== this.queue || 'error' in answer) return;
    const { groups } = answer;
    replaceChanged(this.groups, groups.length === 0 ? [] : [element('h3', 'Largest groups'), groupTable(groups)]);
  }

  private afterAction(): void {
    void this.poll();
    setTimeout(() => this.onPerformed(), afterActionMs);
  }
}

function buttonsOf({ name: queue, paused, dead }: QueueState): ActionButton[] {
  const pause: ActionButton = paused
    ? { label: 'Resume queue', request: { action: 'resume-queue', queue }, resultOf: () => 'Resumed' }
    : { label: 'Pause queue', request: { action: 'pause-queue', queue }, resultOf: () => 'Paused' };
  if (dead === 0) return [pause];
  const redrive: ActionButton = {
    label: 'Redrive all',
    question: 'Submit all dead letters again, as new jobs?',
    request: { action: 'redrive', queue },
    resultOf: ({ count = 0 }) => `${count.toLocaleString('en')} submitted again`,
  };
  return [pause, redrive];
}

function noteOf({ ended }: QueueState): HTMLElement {
  const created = element('p', `Completed and failed: jobs that ended ${endedTime(ended)}.`);
  created.className = 'none';
  return created;
}

function staleNote(failure: string, ageMs: number): HTMLElement {
  const created = element('p', `${failure}. These counts are ${duration(Math.max(0, ageMs))} old.`);
  created.className = 'notice';
  return created;
}
