import type { RescheduleRequest } from '../server/action-request.js';
import { button, element, setText } from './element.js';
import { clockTime, localDate } from './format.js';
import { performAction, type ActionAnswer } from './perform-action.js';

/** The form for another schedule of a cron. It shows the next runs before the schedule can be changed. */
export class RescheduleForm {
  readonly root: HTMLFormElement = document.createElement('form');
  private readonly schedule = input('Schedule', 'a cron expression, or ms');
  private readonly timezone = input('Time zone', 'that of the cron');
  private readonly preview = element('ol', '');
  private readonly refusal = element('p', '');
  private readonly confirm = button('Reschedule', () => void this.perform());
  private onAnswer: (answer: ActionAnswer) => void = () => undefined;
  private onCancel: () => void = () => undefined;
  private path = '';

  constructor() {
    const { root, schedule, timezone, preview, refusal, confirm } = this;
    root.className = 'reschedule';
    refusal.className = 'bad';
    refusal.setAttribute('role', 'alert');
    preview.setAttribute('aria-label', 'Next runs');
    confirm.className = 'danger';
    const cancel = button('Cancel', () => this.onCancel());
    const buttons = element('div', '', element('button', 'Preview'), confirm, cancel);
    buttons.className = 'buttons';
    root.append(schedule.label, timezone.label, preview, refusal, buttons);
    root.addEventListener('submit', (event) => {
      // The page's policy forbids a form that leaves it.
      event.preventDefault();
      void this.showPreview();
    });
    root.addEventListener('input', () => this.showRuns(undefined));
  }

  /**
   * Empties the form for the cron at a path.
   *
   * @param onAnswer called when the schedule was changed.
   */
  open(path: string, onAnswer: (answer: ActionAnswer) => void, onCancel: () => void): void {
    this.path = path;
    this.onAnswer = onAnswer;
    this.onCancel = onCancel;
    this.root.reset();
    this.showRuns(undefined);
  }

  focus(): void {
    this.schedule.field.focus();
  }

  private async showPreview(): Promise<void> {
    const request = this.request();
    const { error, nextRuns } = await performAction({ ...request, preview: true });
    // The answer is for what the form said then.
    if (JSON.stringify(request) === JSON.stringify(this.request())) this.showRuns(nextRuns, error);
  }

  private async perform(): Promise<void> {
    const { path, onAnswer } = this;
    const answer = await performAction(this.request());
    if (answer.error === undefined) onAnswer(answer);
    // The form may be open for another cron by now.
    else if (path === this.path) this.showRuns(undefined, answer.error);
  }

  private request(): RescheduleRequest {
    const text = this.schedule.field.value.trim();
    const timezone = this.timezone.field.value.trim();
    return {
      action: 'reschedule',
      path: this.path,
      schedule: /^[\d.]+$/.test(text) ? Number(text) : text,
      ...(timezone && { timezone }),
    };
  }

  /** Shows the next runs, after which the schedule can be changed, or why there are none. */
  private showRuns(runs: readonly number[] | undefined, error = ''): void {
    setText(this.refusal, error);
    const shown = (runs ?? []).map((at) => element('li', `${localDate(at)} ${clockTime(at, 1000)}`));
    this.preview.replaceChildren(...(runs?.length === 0 ? [element('li', 'It will not run any more')] : shown));
    this.confirm.hidden = runs === undefined;
  }
}

/** Creates a field with its label. */
function input(text: string, placeholder: string): { readonly label: HTMLElement; readonly field: HTMLInputElement } {
  const field = document.createElement('input');
  field.placeholder = placeholder;
  field.autocomplete = 'off';
  field.spellcheck = false;
  return { label: element('label', text, field), field };
}
