/** Replaces the children of an element that differ from new ones: an unchanged one keeps its selection and focus. */
export function replaceChanged(parent: HTMLElement, children: readonly Node[]): void {
  const current = [...parent.childNodes];
  children.forEach((child, index) => {
    const old = current[index];
    if (!old) parent.append(child);
    else if (!old.isEqualNode(child)) old.replaceWith(child);
  });
  for (const old of current.slice(children.length)) old.remove();
}
