import type { TaskAction } from '../server/task-actions.js';
import { button, element, setText } from './element.js';
import { operatorField } from './operator-name.js';
import { performAction, type ActionAnswer } from './perform-action.js';
import { RescheduleForm } from './reschedule-form.js';

const labels: Readonly<Record<TaskAction, string>> = {
  trigger: 'Trigger',
  pause: 'Pause schedule',
  resume: 'Resume schedule',
  reschedule: 'Reschedule',
  restart: 'Restart',
  remove: 'Remove',
};
const results: Readonly<Record<TaskAction, string>> = {
  trigger: 'Triggered',
  pause: 'Paused',
  resume: 'Resumed',
  reschedule: 'Rescheduled',
  restart: 'Restarting',
  remove: 'Removing',
};
/** An action that takes no more than its task. */
type SimpleAction = Exclude<TaskAction, 'reschedule'>;

/** Actions that end a run, and the question before each. */
const questions: Partial<Record<TaskAction, string>> = {
  restart: 'End the current run, and start the next?',
  remove: 'End this task for good?',
};

/** The time for which a result is shown. */
const resultMs = 5000;

/** The buttons for the actions of the selected task. */
export class ActionBar {
  readonly root: HTMLElement = element('div', '');
  private readonly buttons = element('div', '');
  private readonly result = element('p', '');
  private readonly form = new RescheduleForm(
    (answer) => this.showAnswer('reschedule', answer),
    () => this.ask(undefined),
  );
  private readonly onPerformed: () => void;
  private task = '';
  private actions: readonly TaskAction[] = [];
  private question: TaskAction | undefined = undefined;
  private isPending = false;
  private resultTimer: ReturnType<typeof setTimeout> | undefined = undefined;

  /** @param onPerformed called after each action. */
  constructor(onPerformed: () => void) {
    this.onPerformed = onPerformed;
    this.root.className = 'actions';
    this.buttons.className = 'buttons';
    this.buttons.setAttribute('role', 'group');
    this.buttons.setAttribute('aria-label', 'Actions');
    this.result.setAttribute('role', 'status');
    this.root.append(this.buttons, operatorField(), this.result);
  }

  show(task: string, actions: readonly TaskAction[]): void {
    if (task !== this.task) {
      this.question = undefined;
      this.showResult('');
    } else if (actions.join() === this.actions.join()) return;
    this.task = task;
    this.actions = actions;
    this.draw();
  }

  /** Takes back a question. */
  reset(): void {
    this.show('', []);
  }

  private draw(): void {
    const { actions, question } = this;
    const asked = question && actions.includes(question) ? question : undefined;
    // The form keeps what was typed, and the focus.
    if (asked === 'reschedule' && this.buttons.contains(this.form.root)) return;
    const hadFocus = this.buttons.contains(document.activeElement);
    this.buttons.replaceChildren(...(asked ? this.confirmation(asked) : actions.map((action) => this.button(action))));
    this.root.hidden = actions.length === 0 && this.result.textContent === '';
    // The last button of a question is the safe answer.
    const next = this.buttons.querySelector<HTMLElement>(asked ? 'button:last-child' : 'button');
    if (asked === 'reschedule') this.form.focus();
    else if (hadFocus) (next ?? this.root.closest<HTMLElement>('[tabindex]'))?.focus();
  }

  private button(action: TaskAction): HTMLElement {
    const isQuestion = action === 'reschedule' || questions[action] !== undefined;
    return button(labels[action] + (isQuestion ? ' …' : ''), () => {
      if (action === 'reschedule') this.form.reset(this.task);
      if (isQuestion) this.ask(action);
      else void this.perform(action);
    });
  }

  private confirmation(action: TaskAction): HTMLElement[] {
    if (action === 'reschedule') return [this.form.root];
    const confirm = button(labels[action], () => void this.perform(action));
    confirm.className = 'danger';
    return [element('span', questions[action] ?? ''), confirm, button('Cancel', () => this.ask(undefined))];
  }

  private ask(action: TaskAction | undefined): void {
    this.question = action;
    this.draw();
  }

  private async perform(action: SimpleAction): Promise<void> {
    const { task } = this;
    if (this.isPending) return;
    this.isPending = true;
    this.showResult('');
    const answer = await performAction({ action, path: task });
    this.isPending = false;
    if (task === this.task) this.showAnswer(action, answer);
    else this.onPerformed();
  }

  private showAnswer(action: TaskAction, answer: ActionAnswer): void {
    this.onPerformed();
    this.showResult(answer.error ?? resultOf(action, answer), answer.error !== undefined);
    this.ask(undefined);
  }

  private showResult(text: string, isBad = false): void {
    setText(this.result, text);
    this.result.className = isBad ? 'bad' : '';
    clearTimeout(this.resultTimer);
    // A later state may contradict it.
    if (text && !isBad) this.resultTimer = setTimeout(() => this.showResult(''), resultMs);
  }
}

function resultOf(action: TaskAction, { paused }: ActionAnswer): string {
  return action === 'resume' && paused ? 'Still paused by its coordinator' : results[action];
}
