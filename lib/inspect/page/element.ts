/** What is given as text is text, and never markup. */
export function element(name: string, text: string, ...children: Node[]): HTMLElement {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}
