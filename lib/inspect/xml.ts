import { printable } from './printable.js';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A text of someone's, as XML holds it in an element or an attribute. */
export function xml(text: string): string {
  return printable(text).replaceAll(/[&<>"']/g, (one) => entities[one] ?? '');
}
