import type { QueueActionRequest } from '../server/queue-action-request.js';
import { button, element, setText } from './element.js';
import { performAction, type ActionAnswer } from './perform-action.js';

/** A button for an action of a queue or of a job. */
export interface QueueButton {
  readonly label: string;
  /** Asked before the action. */
  readonly question?: string;
  readonly request: QueueActionRequest;
  /** Returns the text about the result. */
  readonly resultOf: (answer: ActionAnswer) => string;
}

/** Buttons for actions. Some of them ask first. */
export class QueueActionBar {
  readonly root: HTMLElement = element('div', '');
  private readonly buttons = element('div', '');
  private readonly result = element('p', '');
  private readonly onPerformed: () => void;
  private current: readonly QueueButton[] = [];
  private subject = '';
  private question: string | undefined = undefined;
  private isPending = false;

  /** @param onPerformed called after each action. */
  constructor(label: string, onPerformed: () => void) {
    this.onPerformed = onPerformed;
    this.root.className = 'actions';
    this.buttons.className = 'buttons';
    this.buttons.setAttribute('role', 'group');
    this.buttons.setAttribute('aria-label', label);
    this.result.setAttribute('role', 'status');
    this.root.append(this.buttons, this.result);
  }

  /** @param subject the queue or the job; the result and the question are about the last one. */
  show(subject: string, buttons: readonly QueueButton[]): void {
    if (subject !== this.subject) {
      this.question = undefined;
      this.showResult('');
    } else if (JSON.stringify(buttons) === JSON.stringify(this.current)) return;
    this.subject = subject;
    this.current = buttons;
    this.draw();
  }

  private draw(): void {
    const asked = this.current.find(({ label }) => label === this.question);
    const hadFocus = this.buttons.contains(document.activeElement);
    this.buttons.replaceChildren(...(asked ? this.confirmation(asked) : this.current.map((each) => this.button(each))));
    // The last button of a question is the safe answer.
    const next = this.buttons.querySelector<HTMLElement>(asked ? 'button:last-child' : 'button');
    if (hadFocus) (next ?? this.root.closest('dialog'))?.focus();
  }

  private button(of: QueueButton): HTMLElement {
    const { label, question } = of;
    return button(question === undefined ? label : `${label} …`, () => {
      if (question === undefined) void this.perform(of);
      else this.ask(label);
    });
  }

  private confirmation(of: QueueButton): HTMLElement[] {
    const confirm = button(of.label, () => void this.perform(of));
    confirm.className = 'danger';
    return [element('span', of.question ?? ''), confirm, button('Cancel', () => this.ask(undefined))];
  }

  private ask(label: string | undefined): void {
    this.question = label;
    this.draw();
  }

  private async perform({ request, resultOf }: QueueButton): Promise<void> {
    const { subject } = this;
    if (this.isPending) return;
    this.isPending = true;
    this.showResult('');
    const answer = await performAction(request);
    this.isPending = false;
    this.onPerformed();
    if (subject !== this.subject) return;
    this.showResult(
      answer.error ?? (answer.pending ? 'It is done as soon as the database answers' : resultOf(answer)),
      answer.error !== undefined,
    );
    this.ask(undefined);
  }

  private showResult(text: string, isBad = false): void {
    setText(this.result, text);
    this.result.className = isBad ? 'bad' : '';
  }
}
