import { expect } from 'chai';
import { lastValueFrom } from 'rxjs';
import { JobError } from 'rxjs-tasks/fleet';
import { concurrentTests } from '../helpers/concurrent-tests.js';
import { kindsWithValues, RefusedFleet, statements, type StatementKind } from '../helpers/refused-statements.js';
import { waitUntil } from '../helpers/wait.js';

/** One SQLSTATE of each class that a server may answer, whatever the statement is. */
const states = [
  ...['08006', '0A000', '25006', '26000', '28P01', '3D000', '3F000', '40001', '42501', '42P01', '53100', '55P03'],
  ...['57014', '57P01', '58030', 'F0000', 'HV000', 'P0001', 'XX000'],
];
/** One SQLSTATE of each class that a server answers because of a value. */
const valueStates = ['21000', '22P02', '23505', '54000'];

/** The maximum number of fleets at a time. */
const maxConcurrent = 6;
const turns = Array.from({ length: maxConcurrent }, () => Promise.resolve());
let begun = 0;

/** Refuses two statements of each kind, and expects that everything goes on. */
async function survive(code: string, kinds: readonly StatementKind[]): Promise<void> {
  const turn = begun++ % maxConcurrent;
  const result = (turns[turn] ?? Promise.resolve()).then(() => refuseAndExpect(code, kinds));
  turns[turn] = result.catch(() => undefined);
  await result;
}

async function refuseAndExpect(code: string, kinds: readonly StatementKind[]): Promise<void> {
  const scene = await RefusedFleet.start();
  try {
    const refusals = kinds.map((kind) => ({ kind, refusal: scene.proxy.refuse(statements[kind], code, 2) }));
    void scene.tick();
    const used = scene.useAll();
    const left = () => refusals.filter(({ refusal }) => refusal.left > 0).map(({ kind }) => kind);
    await Promise.all([used, waitUntil(() => left().length === 0).catch(() => undefined)]);
    expect(left(), 'statements that were not refused').to.deep.equal([]);
    expect(await lastValueFrom(scene.queue.submit(1))).to.equal('done');
    const { length } = scene.slots;
    await waitUntil(() => scene.slots.length > length + 2);
    expect(new Set(scene.slots).size).to.equal(scene.slots.length);
    // A busy machine may lose the lease, which is no fault.
    expect([scene.live, scene.answers[0]]).to.deep.equal([true, true]);
  } finally {
    await scene.close();
  }
}

const everyKind = Object.keys(statements) as StatementKind[];
const withoutValues = everyKind.filter((kind) => !kindsWithValues.has(kind));

describe('When the server answers two statements of each kind with an error, nothing ends', () => {
  concurrentTests({
    ...Object.fromEntries(states.map((code) => [`if it is ${code}`, () => survive(code, everyKind)])),
    ...Object.fromEntries(
      valueStates.map((code) => [
        `if it is ${code}, and the statement has no value`,
        () => survive(code, withoutValues),
      ]),
    ),
  });
});

describe('When the server refuses a value', () => {
  it('that concerns one job alone', async () => {
    const scene = await RefusedFleet.start();
    try {
      const app = scene.work();
      expect(await lastValueFrom(scene.queue.submit(1))).to.equal('done');
      scene.proxy.refuse(statements.insert, '22P05', 1);
      const refused = await lastValueFrom(scene.queue.submit(2)).catch((error: unknown) => error);
      expect(refused).to.be.instanceOf(TypeError).with.property('message').that.includes('22P05');
      scene.proxy.refuse(statements.complete, '54000', 1);
      expect(await lastValueFrom(scene.queue.submit(3))).to.equal('done');
      const last = scene.fleet.queue<number, string>('last', { retries: 0 });
      const lastApp = scene.work(last);
      scene.proxy.refuse(statements.complete, '22021', 1);
      const failed = await lastValueFrom(last.submit(4)).catch((error: unknown) => error);
      expect(failed).to.be.instanceOf(JobError).with.property('message').that.includes('22021');
      expect([app.live, lastApp.live]).to.deep.equal([true, true]);
    } finally {
      await scene.close();
    }
  });
});
