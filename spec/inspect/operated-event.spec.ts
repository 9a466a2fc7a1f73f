import { expect } from 'chai';
import type { TaskEvent } from '../../lib/index.js';
import { eventDetails } from '../../lib/inspect/labels.js';
import { renderText } from '../../lib/inspect/index.js';
import { logLine } from '../../lib/inspect/terminal/log-line.js';
import { eventAttributes } from '../../lib/otel/span-event.js';
import { toRecorded } from '../../lib/recording/to-recorded.js';
import { toMarbles } from '../../lib/testing/index.js';

describe('An event about an action on a queue', () => {
  const operated = (count?: number): TaskEvent => ({
    type: 'operated',
    task: 'inspector',
    runId: 1,
    at: 2000,
    action: 'redrive',
    target: 'mails',
    by: 'ann',
    ...(count !== undefined && { count }),
  });

  it('is a line of the log, with the action, the queue, the number of jobs and the person', () => {
    expect(logLine(operated(3))).to.deep.equal({
      level: 'info',
      label: 'operated',
      task: 'inspector',
      text: 'redrive mails, 3 jobs, by ann',
    });
    expect(logLine(operated(1))?.text).to.equal('redrive mails, 1 job, by ann');
    expect(logLine(operated())?.text).to.equal('redrive mails, by ann');
  });

  it('is a mark in drawings, with the same details', () => {
    const events = [toRecorded({ type: 'ready', task: 'inspector', runId: 1, at: 0 }, 0), toRecorded(operated(3), 0)];
    expect(eventDetails(toRecorded(operated(3), 0))).to.equal('redrive mails, by ann, 3 jobs');
    const recording = { version: 1, from: 0, events, dropped: 0 } as const;
    expect(renderText(recording, { width: 100 })).to.include('` operated');
    expect(toMarbles(recording)).to.match(/^inspector +> 1\.999s `$/);
  });

  it('is an event of a span', () => {
    expect(eventAttributes(operated(3))).to.deep.equal({
      'rxjs_tasks.action': 'redrive',
      'rxjs_tasks.target': 'mails',
      'rxjs_tasks.count': 3,
      'rxjs_tasks.by': 'ann',
    });
  });
});
