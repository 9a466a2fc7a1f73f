import { drawMark, drawSpan, readColours } from './shapes.js';

/** Drawn by the same hand as the chart. */
export function drawLegend(root: HTMLElement): void {
  const colours = readColours();
  const onPanel = { ...colours, bg: colours.panel };
  const bars = ['initializing', 'running', 'finalizing', 'waiting'] as const;
  const marks = {
    tick: 'run of a cron',
    'slot-failed': 'failed',
    skipped: 'skipped',
    missed: 'missed',
    overdue: 'overdue',
    'result-dropped': 'late',
    restarting: 'restart',
    cancelling: 'cancel',
    done: 'end',
  };
  const entry = (text: string, draw: (pen: CanvasRenderingContext2D) => void) => {
    const picture = document.createElement('canvas');
    const ratio = devicePixelRatio;
    picture.width = picture.height = 16 * ratio;
    picture.style.width = picture.style.height = '16px';
    const pen = picture.getContext('2d');
    if (!pen) throw new Error('This browser has no canvas');
    pen.scale(ratio, ratio);
    draw(pen);
    const label = document.createElement('span');
    label.append(picture, text);
    return label;
  };
  root.replaceChildren(
    ...bars.map((kind) => entry(kind, (pen) => drawSpan(pen, colours, kind, 1, 15, 2, 12))),
    ...Object.entries(marks).map(([kind, text]) => entry(text, (pen) => drawMark(pen, onPanel, kind, 8, 8, 16))),
  );
}
