import { elementById, setText } from './element.js';
import { hasToken, saveToken } from './token.js';

/** The form for the token, which is shown when the server refuses a request without the right one. */
export class SignIn {
  private readonly form = elementById('sign-in') as HTMLFormElement;
  private readonly input = elementById('token') as HTMLInputElement;

  constructor(onToken: () => void) {
    this.form.addEventListener('submit', (event) => {
      // The page's policy forbids a form that leaves it.
      event.preventDefault();
      saveToken(this.input.value.trim());
      this.input.value = '';
      onToken();
    });
  }

  show(isRefused: boolean): void {
    if (this.form.hidden === !isRefused) return;
    this.form.hidden = !isRefused;
    setText(elementById('refusal'), isRefused && hasToken() ? 'The inspector refuses this token.' : '');
    if (isRefused) this.input.focus();
  }
}
