import { expect } from 'chai';
import type { IncomingMessage } from 'node:http';
import sinon from 'sinon';
import { ShutdownReport, TaskError, task, taskRunner, type Outcome, type TaskEvent } from '../../lib/index.js';
import { oneLine } from '../../lib/app/one-line.js';
import { parseCronExpression } from '../../lib/cron/cron-expression.js';
import { isConnectionError } from '../../lib/fleet/connection-errors.js';
import { toJobFailure } from '../../lib/fleet/job-failure.js';
import { validateJsonb } from '../../lib/fleet/jsonb.js';
import { validateJobId, validateQueueName } from '../../lib/fleet/queue-policy.js';
import { toListenOptions } from '../../lib/http/listen-options.js';
import { filterRows } from '../../lib/inspect/page/page-rows.js';
import { createAuth } from '../../lib/inspect/server/auth.js';
import { escapeXml } from '../../lib/inspect/svg/escape-xml.js';
import { errorLine } from '../../lib/inspect/terminal/error-line.js';
import { jsonLine } from '../../lib/inspect/terminal/json-line.js';
import { logLine } from '../../lib/inspect/terminal/log-line.js';
import { toRecordedError } from '../../lib/recording/to-recorded.js';
import { drawDiagram, parseDiagram } from '../../lib/testing/diagram.js';
import { parseRow, validateLetters } from '../../lib/testing/marbles.js';
import { isLimitOfEnds } from '../../lib/testing/run-marks.js';
import { serializeError } from '../../lib/threads/serialize-error.js';
import { headline } from '../../lib/util/describe-error.js';
import { print } from '../../lib/util/print.js';
import { stackTrace } from '../../lib/util/error-causes.js';
import { logError } from '../../lib/util/log-error.js';
import { nearestName } from '../../lib/util/nearest-name.js';
import { pathsAbove } from '../../lib/util/paths-above.js';
import { printable, printableJson, printableLines, printableName, stripEscapes } from '../../lib/util/printable.js';
import { invalid } from '../../lib/util/validate.js';
import { unknownMember } from '../../lib/util/validate-options.js';
import { slowText } from '../helpers/linear-time.js';

/** Creates an error of which each part, and each part of its cause, is a text. */
function errorOf(text: string): Error {
  const cause = Object.assign(new Error(text), { stack: `Error: ${text.replaceAll('/app', '/lib')}` });
  return Object.assign(new Error(text, { cause }), { name: text, code: text, stack: text, [text]: text });
}

const taskErrorOf = (text: string) => new TaskError(text, 'execute', errorOf(text));
const runner = taskRunner(task('t', () => 1));
const outcomeOf = (text: string): Outcome => ({ task: text, runner, status: 'failed', error: taskErrorOf(text) });
const reportOf = (text: string) =>
  new ShutdownReport({
    cause: errorOf(text),
    outcomes: [outcomeOf(text), { task: text, runner, status: 'timed-out' }],
    failures: [{ [text]: errorOf(text) }],
    clean: false,
    durationMs: 0,
  });
const eventOf = (text: string): TaskEvent => ({ type: 'done', task: text, runId: 1, at: 0, outcome: outcomeOf(text) });

const auth = createAuth('localhost', [], 'token');
const request = (headers: object) => ({ headers, socket: { localPort: 80 } }) as IncomingMessage;

/** The functions that read a text from elsewhere, or an error with one. */
const readers: Readonly<Record<string, readonly ((text: string) => unknown)[]>> = {
  'printable text': [
    (text) => printable(text, Infinity),
    (text) => printableLines(text, Infinity),
    printableName,
    printableJson,
    stripEscapes,
    // Sequences that do not end.
    (text) => stripEscapes(`\u001b[${text}`),
    (text) => stripEscapes(`\u001b]${text}`),
    (text) => stripEscapes(`${text}\u001b`),
    escapeXml,
  ],
  'an error on the console': [logError, (text) => logError(errorOf(text)), (text) => logError([{ e: errorOf(text) }])],
  'an error on a line': [
    (text) => headline(errorOf(text)),
    (text) => headline({ e: errorOf(text) }),
    (text) => oneLine(errorOf(text)),
    (text) => oneLine({ e: errorOf(text) }),
    (text) => errorLine(errorOf(text)),
    (text) => errorLine(taskErrorOf(text)),
    (text) => errorLine({ [text]: errorOf(text) }),
  ],
  'an error with its stack': [
    (text) => stackTrace(errorOf(text)),
    (text) => print(errorOf(text)),
    (text) => print(errorOf(text), { depth: 0 }),
    (text) => print({ e: errorOf(text) }, { depth: 0 }),
  ],
  'the message of a refused value': [
    (text) => invalid('x', 'a y', text),
    (text) => invalid('x', 'a y', { [text]: text }),
    (text) => invalid('x', 'a y', errorOf(text)),
    (text) => invalid('x', 'a y', [errorOf(text)]),
    (text) => unknownMember('options', ['timeout', text.slice(1)], text),
    (text) => nearestName(text, [text.slice(1)]),
  ],
  'a line of an event': [(text) => logLine(eventOf(text)), (text) => jsonLine(eventOf(text), 0, {})],
  'a report': [(text) => String(reportOf(text)), (text) => JSON.stringify(reportOf(text))],
  'a recorded error': [
    (text) => toRecordedError(taskErrorOf(text)),
    (text) => isLimitOfEnds({ name: 'RestartLimitError', message: text }),
  ],
  'a cron expression': [
    (text) => parseCronExpression(text, undefined),
    (text) => parseCronExpression(`* * * * ${text}`, undefined),
    (text) => parseCronExpression('* * * * *', text),
  ],
  'an error in another thread or process': [
    (text) => serializeError(taskErrorOf(text)),
    (text) => serializeError({ noClone: () => 1, e: errorOf(text) }),
    (text) => toJobFailure(errorOf(text)),
    (text) => isConnectionError(new Error(text)),
  ],
  'input of a queue': [
    (text) => validateJsonb('input', { text }),
    (text) => validateJsonb('input', { toJSON: () => text }),
    validateQueueName,
    validateJobId,
  ],
  'a request': [
    (text) => auth.isOwnHost(request({ host: text })),
    (text) => auth.isAllowed(request({ authorization: text, cookie: text })),
    (text) => auth.isAllowed(request({ authorization: `Bearer ${text}`, cookie: `rxjs-tasks-80=${text}` })),
    (text) => filterRows([], text, 'all'),
    toListenOptions,
  ],
  'the path of a task': [pathsAbove],
};

describe('Linear time is enough for', () => {
  beforeEach(() => void sinon.stub(console, 'error'));
  afterEach(() => sinon.restore());

  for (const [what, functions] of Object.entries(readers)) {
    it(`${what}, whatever it consists of`, () => {
      for (const read of functions) expect(slowText(read), String(read)).to.equal(undefined);
    });
  }

  it('marbles, whatever they consist of', () => {
    const drawn = (text: string) => drawDiagram(parseDiagram(`a  ${text}`));
    const inGroup = (text: string) => parseRow(`(${text})`);
    const asLetter = (text: string) => validateLetters({ [text]: 1 });
    for (const read of [parseDiagram, drawn, inGroup, asLetter])
      expect(slowText(read, 20_000), String(read)).to.equal(undefined);
  });
});

describe('slowText', () => {
  it('finds a text for which a function takes cubic time, alone or within a line of a stack', () => {
    expect(slowText((text) => /\/.*\/.*:\d+$/.exec(text), 1000)).to.include('/'.repeat(60));
    expect(slowText((text) => text.replace(/\s+\s+$/, ''), 1000)).to.match(/^Error: x/);
  });
});
