import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import * as rxjsTasks from '../../lib/index.js';
import * as fleet from '../../lib/fleet/index.js';
import * as http from '../../lib/http/index.js';
import * as otel from '../../lib/otel/index.js';
import * as inspect from '../../lib/inspect/index.js';
import * as threads from '../../lib/threads/index.js';
import * as testing from '../../lib/testing/index.js';
import { Program } from '../helpers/program.js';

describe('The package', () => {
  it('has a type test for every public value', () => {
    const typeTests = readdirSync('spec/types')
      .map((file) => readFileSync(`spec/types/${file}`, 'utf8').replace(/import \{[^}]*\}/g, ''))
      .join('\n');
    const names = [rxjsTasks, fleet, http, otel, inspect, threads, testing].flatMap((entry) => Object.keys(entry));
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(typeTests))).to.deep.equal([]);
  });

  it('exports the names of its public API and no others', () => {
    expect(Object.keys(rxjsTasks).sort()).to.deep.equal(
      [
        'AlreadyRunningError',
        'CancelledError',
        'DeadlineError',
        'NotRunningError',
        'RestartLimitError',
        'ShutdownReport',
        'SignalError',
        'TaskError',
        'background',
        'critical',
        'cron',
        'dynamic',
        'future',
        'isSimpleTask',
        'isTask',
        'isTaskRunner',
        'joinAll',
        'launchRunner',
        'launch',
        'nextRuns',
        'optional',
        'orchestrate',
        'ordered',
        'parallel',
        'runMain',
        'signalListener',
        'snapshot',
        'supervise',
        'task',
        'taskRunner',
        'untilCancelled',
        'withCancel',
        'withTimeout',
      ].sort(),
    );
  });

  it('exports the HTTP server from its own entry point', () => {
    expect(Object.keys(http)).to.deep.equal(['httpServer']);
  });

  it('exports telemetry from its own entry point', () => {
    expect(Object.keys(otel)).to.deep.equal(['fleetMetrics', 'telemetry']);
  });

  it('exports the testing kit from its own entry point', () => {
    expect(Object.keys(testing).sort()).to.deep.equal(
      [
        'ScenarioError',
        'explore',
        'fakeSignals',
        'marks',
        'memoryCoordinator',
        'memoryFleet',
        'record',
        'replay',
        'scenario',
        'script',
        'toMarbles',
        'virtualClock',
      ].sort(),
    );
  });

  it('exports threads from their own entry point', () => {
    expect(Object.keys(threads).sort()).to.deep.equal(
      ['PoolClosedError', 'PoolQueueError', 'ThreadExitError', 'ThreadMemoryError', 'threadPool'].sort(),
    );
  });

  it('exports fleets from their own entry point', () => {
    expect(Object.keys(fleet).sort()).to.deep.equal(
      [
        'DirectoryInUseError',
        'FleetCancelledError',
        'FleetConnectionError',
        'FleetSchemaError',
        'FleetVersionError',
        'JobCancelledError',
        'JobDeletedError',
        'JobError',
        'JobLostError',
        'QueueFullError',
        'UnrecoverableError',
        'connectFleet',
        'every',
        'fleetSql',
        'installFleet',
      ].sort(),
    );
  });

  it('exports the inspector and the renderers from their own entry point', () => {
    expect(Object.keys(inspect).sort()).to.deep.equal(['inspector', 'record', 'renderSvg', 'renderText', 'terminal']);
  });

  it('adds no handlers, sets no timers and logs nothing when it is imported', async () => {
    const script = `
      const events = () => process.eventNames().map((name) => [name, process.listenerCount(name)]).join(' ');
      await import('rxjs');
      const before = [events(), process.getActiveResourcesInfo().join()];
      await import('rxjs-tasks');
      await import('rxjs-tasks/otel');
      await import('rxjs-tasks/testing');
      await import('rxjs-tasks/inspect');
      await import('rxjs-tasks/threads');
      await import('rxjs-tasks/fleet');
      await import('rxjs-tasks/http');
      const after = [events(), process.getActiveResourcesInfo().join()];
      if (before.join() !== after.join()) throw new Error(before.join() + ' became ' + after.join());
    `;
    const { code, stdout, stderr } = await new Program(process.execPath, [
      '--import',
      'tsx',
      '--input-type=module',
      '-e',
      script,
    ]).ended;
    expect([code, stdout, stderr]).to.deep.equal([0, '', '']);
  });
});
