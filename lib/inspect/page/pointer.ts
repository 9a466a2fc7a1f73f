/** Actions of the pointer on the chart. Positions are relative to the chart, in CSS pixels. */
export interface PointerActions {
  readonly click: (x: number, y: number) => void;
  /** Moves the chart by a distance. */
  readonly drag: (distance: number) => void;
  readonly zoom: (factor: number, x: number) => void;
  /** Whether a click at this position opens something. */
  readonly isClickable: (x: number, y: number) => boolean;
}

/** Shorter movements of a pressed pointer are clicks. */
const minDragDistance = 4;

export function listenToPointer(canvas: HTMLCanvasElement, actions: PointerActions): void {
  const positionOf = ({ clientX, clientY }: MouseEvent) => {
    const { left, top } = canvas.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  canvas.addEventListener(
    'wheel',
    (event) => {
      // A vertical wheel scrolls the page.
      if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
      event.preventDefault();
      if (event.ctrlKey) actions.zoom(Math.exp(event.deltaY / 200), positionOf(event).x);
      else actions.drag(-(event.deltaX || event.deltaY));
    },
    { passive: false },
  );
  let pressed: { readonly x: number; readonly isDragging: boolean } | undefined;
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    pressed = { x: event.clientX, isDragging: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!pressed) {
      const { x, y } = positionOf(event);
      canvas.style.cursor = actions.isClickable(x, y) ? 'pointer' : 'default';
      return;
    }
    const distance = event.clientX - pressed.x;
    if (!pressed.isDragging && Math.abs(distance) < minDragDistance) return;
    pressed = { x: event.clientX, isDragging: true };
    actions.drag(distance);
  });
  canvas.addEventListener('pointerup', (event) => {
    const isClick = pressed && !pressed.isDragging;
    pressed = undefined;
    if (!isClick) return;
    const { x, y } = positionOf(event);
    actions.click(x, y);
  });
  canvas.addEventListener('pointercancel', () => (pressed = undefined));
}
