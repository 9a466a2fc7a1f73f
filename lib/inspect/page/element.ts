import { printable, printableLines } from '../../util/printable.js';

/** The longest text that keeps its line breaks, in characters. */
const maxLines = 10_000;

/** Creates an element. The text is never parsed as markup, and keeps its line breaks in `pre`. */
export function element(name: string, text: string, ...children: Node[]): HTMLElement {
  const created = document.createElement(name);
  if (text) created.textContent = name === 'pre' ? printableLines(text, maxLines) : printable(text);
  created.append(...children);
  return created;
}

/** Creates a button that submits no form. A list may handle the clicks of all its buttons. */
export function button(label: string, onClick?: () => void): HTMLElement {
  const created = element('button', label);
  created.setAttribute('type', 'button');
  if (onClick) created.addEventListener('click', onClick);
  return created;
}

/** Returns an element of the page. */
export function elementById(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no #${id}`);
  return found;
}

/** Sets a text only if it changes: setting it again would clear a selection and repeat it in a screen reader. */
export function setText(target: HTMLElement, text: string): void {
  const shown = printable(text);
  if (target.textContent !== shown) target.textContent = shown;
}
