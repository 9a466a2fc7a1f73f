/** The actions of the page by their keys. */
export type KeyActions = Readonly<Record<string, () => void>>;

/** Runs the action of a pressed key, unless the focused element uses the key itself. */
export function listenToKeys(actions: KeyActions): void {
  document.addEventListener('keydown', (event) => {
    const { key, target, ctrlKey, metaKey, altKey } = event;
    if (ctrlKey || metaKey || altKey) return;
    const isTyping = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    if (isTyping && key === 'Escape') return target.blur();
    const action = isTyping || isKeyOf(target, key) ? undefined : actions[key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

/** Whether an element uses the key: buttons are pressed with it, tables and texts are scrolled. */
function isKeyOf(target: EventTarget | null, key: string): boolean {
  const isWithin = (selector: string) => target instanceof Element && target.matches(selector);
  if (isWithin('button, summary') && (key === ' ' || key === 'Enter')) return true;
  return isWithin('#fleet *, .runs, #details pre') && (key === ' ' || key.startsWith('Arrow'));
}
