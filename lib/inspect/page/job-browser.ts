import type { JobState } from '../../fleet/queue-types.js';
import type { DeadLettersAnswer, JobAnswer, JobsAnswer } from '../server/job-view.js';
import { ActionBar } from './action-bar.js';
import { button, element, setText } from './element.js';
import { counted } from './format.js';
import { jobButtons, jobDetails } from './job-details.js';
import { deadLetterTable, jobTable } from './job-table.js';
import { queueAddress, requestJson, type RequestFailure } from './request.js';
import { replaceChanged } from './replace-changed.js';

const states: readonly JobState['state'][] = [
  'waiting',
  'delayed',
  'blocked',
  'active',
  'retrying',
  'completed',
  'failed',
  'cancelled',
];
const deadLetters = 'dead-letters';

/** The jobs of a queue by state and page, its dead letters, or one of its jobs. */
export class JobBrowser {
  readonly root: HTMLElement = element('section', '');
  hasActions = false;
  private readonly filter = element('select', '') as HTMLSelectElement;
  private readonly back = button('← Jobs', () => this.show(undefined));
  private readonly title = element('h3', '');
  private readonly failure = element('p', '');
  private readonly content = element('div', '');
  private readonly first = button('First page', () => this.turnTo(undefined));
  private readonly next = button('Next page', () => this.turnTo(this.nextPage));
  private readonly actions: ActionBar;
  private queue = '';
  private job: string | undefined = undefined;
  /** The last job of the page before, and of this one. */
  private page: string | undefined = undefined;
  private nextPage: string | undefined = undefined;
  private readonly chosen = new Set<string>();

  constructor(onPerformed: () => void) {
    const { root, filter, content, failure } = this;
    this.actions = new ActionBar('Actions of jobs', () => {
      this.chosen.clear();
      onPerformed();
    });
    root.className = 'jobs';
    root.setAttribute('aria-label', 'Jobs');
    filter.setAttribute('aria-label', 'Jobs by state');
    const options = [
      ['', 'All jobs'],
      ...states.map((state) => [state, capitalized(state)]),
      [deadLetters, 'Dead letters'],
    ];
    for (const [value = '', label = ''] of options) {
      const option = element('option', label);
      option.setAttribute('value', value);
      filter.append(option);
    }
    filter.addEventListener('change', () => this.turnTo(undefined));
    failure.className = 'notice';
    failure.setAttribute('role', 'status');
    content.className = 'content';
    content.addEventListener('click', ({ target }) => {
      const job = target instanceof HTMLElement ? target.dataset['job'] : undefined;
      if (job !== undefined) this.show(job);
    });
    content.addEventListener('change', ({ target }) => this.choose(target as HTMLInputElement));
    const bar = element('div', '', this.back, filter, this.title, this.first, this.next);
    bar.className = 'bar';
    root.append(bar, failure, this.actions.root, content);
  }

  open(queue: string): void {
    this.queue = queue;
    this.filter.value = '';
    this.show(undefined);
  }

  /** Requests what is shown, and shows the answer unless something else was chosen meanwhile. */
  async poll(): Promise<void> {
    const asked = this.subject;
    const { queue, job, filter, page } = this;
    const address = queueAddress(queue);
    if (job !== undefined) return this.showJob(await requestJson<JobAnswer>(`${address}/jobs/${job}`), asked);
    if (filter.value === deadLetters)
      return this.showDeadLetters(await requestJson<DeadLettersAnswer>(`${address}/${deadLetters}`), asked);
    const query = new URLSearchParams({ ...(filter.value && { state: filter.value }), ...(page && { after: page }) });
    this.showJobs(await requestJson<JobsAnswer>(`${address}/jobs?${query}`), asked);
  }

  private get subject(): string {
    return JSON.stringify([this.queue, this.job, this.filter.value, this.page]);
  }

  /** Shows a job, or the page of jobs. */
  private show(job: string | undefined): void {
    this.job = job;
    this.back.hidden = job === undefined;
    this.filter.hidden = job !== undefined;
    setText(this.title, job ?? '');
    if (job === undefined) this.turnTo(undefined);
    else this.clear();
    // The button that was pressed is gone.
    (job === undefined ? this.filter : this.back).focus();
  }

  private turnTo(page: string | undefined): void {
    this.page = page;
    this.chosen.clear();
    this.clear();
  }

  private clear(): void {
    this.nextPage = undefined;
    this.next.hidden = true;
    // The page may fail, because the job that it follows was deleted.
    this.first.hidden = this.page === undefined;
    this.content.replaceChildren(element('p', 'Loading …'));
    this.actions.show(this.subject, []);
    void this.poll();
  }

  private showJobs(answer: JobsAnswer | RequestFailure, asked: string): void {
    if (!this.isShown(answer, asked)) return;
    this.nextPage = answer.next;
    this.first.hidden = this.page === undefined;
    this.next.hidden = answer.next === undefined;
    replaceChanged(this.content, [jobTable(answer.jobs, Date.now())]);
  }

  private showDeadLetters(answer: DeadLettersAnswer | RequestFailure, asked: string): void {
    if (!this.isShown(answer, asked)) return;
    replaceChanged(this.content, [deadLetterTable(answer.deadLetters, Date.now(), this.hasActions)]);
    for (const box of this.content.querySelectorAll('input'))
      box.checked = this.chosen.has(box.dataset['letter'] ?? '');
    this.showRedrive();
  }

  private showJob(answer: JobAnswer | RequestFailure, asked: string): void {
    if (!this.isShown(answer, asked)) return;
    replaceChanged(this.content, jobDetails(answer));
    this.actions.show(asked, this.hasActions ? jobButtons(this.queue, answer.job) : []);
  }

  private isShown<T extends object>(answer: T | RequestFailure, asked: string): answer is T {
    if (asked !== this.subject) return false;
    if (!('error' in answer)) {
      setText(this.failure, '');
      return true;
    }
    setText(this.failure, answer.error);
    // Otherwise the last answer stays, because the next one may come.
    if (answer.status === 404) {
      this.content.replaceChildren();
      this.actions.show(asked, []);
    }
    return false;
  }

  private choose({ dataset, checked }: HTMLInputElement): void {
    const { letter } = dataset;
    if (letter === undefined) return;
    if (checked) this.chosen.add(letter);
    else this.chosen.delete(letter);
    this.showRedrive();
  }

  private showRedrive(): void {
    const ids = [...this.chosen];
    const redrive = {
      label: `Redrive ${ids.length} chosen`,
      question: `Submit ${counted(ids.length, 'dead letter')} again, as new jobs?`,
      request: { action: 'redrive', queue: this.queue, ids },
      resultOf: ({ count = 0 }) => `${counted(count, 'job')} submitted again`,
    } as const;
    this.actions.show(this.subject, ids.length > 0 && this.hasActions ? [redrive] : []);
  }
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
