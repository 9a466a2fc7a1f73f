import type { ActionRequest } from '../server/action-request.js';
import { button, element, setText } from './element.js';
import { performAction, type ActionAnswer } from './perform-action.js';
import type { RescheduleForm } from './reschedule-form.js';

/** A button for an action, which may ask first. */
interface SimpleButton {
  readonly label: string;
  /** Asked before the action. */
  readonly question?: string | undefined;
  readonly request: ActionRequest;
  /** Returns the text about the result. */
  readonly resultOf: (answer: ActionAnswer) => string;
}

/** A button for a form, which performs the action itself. */
interface FormButton {
  readonly label: string;
  readonly form: RescheduleForm;
  /** The path of the task that the form is for. */
  readonly path: string;
  readonly resultOf: (answer: ActionAnswer) => string;
}

export type ActionButton = SimpleButton | FormButton;

/** The time for which a result is shown. */
const resultMs = 5000;

/** Buttons for the actions of a task, a queue or a job. */
export class ActionBar {
  readonly root: HTMLElement = element('div', '');
  private readonly buttons = element('div', '');
  private readonly result = element('p', '');
  private readonly onPerformed: () => void;
  private current: readonly ActionButton[] = [];
  private subject = '';
  /** The label of the button that asks, or whose form is open. */
  private question: string | undefined = undefined;
  private isPending = false;
  private resultTimer: ReturnType<typeof setTimeout> | undefined = undefined;

  /**
   * @param onPerformed called after each action.
   * @param fields elements between the buttons and the result.
   */
  constructor(label: string, onPerformed: () => void, ...fields: readonly HTMLElement[]) {
    this.onPerformed = onPerformed;
    this.root.className = 'actions';
    this.buttons.className = 'buttons';
    this.buttons.setAttribute('role', 'group');
    this.buttons.setAttribute('aria-label', label);
    this.result.setAttribute('role', 'status');
    this.root.append(this.buttons, ...fields, this.result);
  }

  /** @param subject the task, the queue or the job; the result and the question are about the last one. */
  show(subject: string, buttons: readonly ActionButton[]): void {
    if (subject !== this.subject) {
      this.question = undefined;
      this.showResult('');
    } else if (textOf(buttons) === textOf(this.current)) return;
    this.subject = subject;
    this.current = buttons;
    this.draw();
  }

  private draw(): void {
    const asked = this.current.find(({ label }) => label === this.question);
    const form = asked && 'form' in asked ? asked.form : undefined;
    // The form keeps what was typed, and the focus.
    if (form && this.buttons.contains(form.root)) return;
    const hadFocus = this.buttons.contains(document.activeElement);
    this.buttons.replaceChildren(...(asked ? this.confirmation(asked) : this.current.map((each) => this.button(each))));
    this.root.hidden = this.current.length === 0 && this.result.textContent === '';
    // The last button of a question is the safe answer.
    const next = this.buttons.querySelector<HTMLElement>(asked ? 'button:last-child' : 'button');
    if (form) form.focus();
    else if (hadFocus) (next ?? this.root.closest<HTMLElement>('dialog, [tabindex]'))?.focus();
  }

  private button(of: ActionButton): HTMLElement {
    const { label } = of;
    if (!('form' in of) && of.question === undefined) return button(label, () => void this.perform(of));
    return button(`${label} …`, () => {
      if ('form' in of) this.open(of);
      this.ask(label);
    });
  }

  private confirmation(of: ActionButton): HTMLElement[] {
    if ('form' in of) return [of.form.root];
    const confirm = button(of.label, () => void this.perform(of));
    confirm.className = 'danger';
    return [element('span', of.question ?? ''), confirm, button('Cancel', () => this.ask(undefined))];
  }

  private ask(label: string | undefined): void {
    this.question = label;
    this.draw();
  }

  private open({ form, path, resultOf }: FormButton): void {
    const { subject } = this;
    form.open(
      path,
      (answer) => this.showAnswer(subject, answer, resultOf),
      () => this.ask(undefined),
    );
  }

  private async perform({ request, resultOf }: SimpleButton): Promise<void> {
    const { subject } = this;
    if (this.isPending) return;
    this.isPending = true;
    this.showResult('');
    const answer = await performAction(request);
    this.isPending = false;
    this.showAnswer(subject, answer, resultOf);
  }

  /** Shows the result of an action, unless something else was chosen meanwhile. */
  private showAnswer(subject: string, answer: ActionAnswer, resultOf: ActionButton['resultOf']): void {
    const { error, pending } = answer;
    this.onPerformed();
    if (subject !== this.subject) return;
    this.showResult(
      error ?? (pending ? 'It is done as soon as the database answers' : resultOf(answer)),
      error !== undefined,
    );
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

/** Returns a text that differs for different buttons. */
function textOf(buttons: readonly ActionButton[]): string {
  return JSON.stringify(buttons.map((each) => ('form' in each ? [each.label, each.path] : each)));
}
