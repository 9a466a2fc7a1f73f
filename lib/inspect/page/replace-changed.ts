/** Replaces the children of an element that differ from new ones: an unchanged one keeps its selection. */
export function replaceChanged(parent: HTMLElement, children: readonly Node[]): void {
  const current = [...parent.childNodes];
  children.forEach((child, index) => {
    const old = current[index];
    if (old) replaceIfChanged(old, child);
    else parent.append(child);
  });
  for (const old of current.slice(children.length)) old.remove();
}

/** Replaces a node by one that differs from it. The focus stays where it is, such as at the button of the same job. */
export function replaceIfChanged(old: ChildNode, replacement: Node): void {
  if (old.isEqualNode(replacement)) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(replacement);
  if (focused instanceof HTMLElement) counterpart(replacement, focused)?.focus({ preventScroll: true });
}

/** Returns the element within a node that is about the same thing as another one: their data are the same. */
function counterpart(within: Node, { tagName, dataset }: HTMLElement): HTMLElement | undefined {
  const data = JSON.stringify(dataset);
  if (data === '{}' || !(within instanceof Element)) return undefined;
  return [...within.querySelectorAll<HTMLElement>(tagName)].find((each) => JSON.stringify(each.dataset) === data);
}
