import sinon from 'sinon';

/** Keeps what is written with `console.error` in each spec of the suite it is called in. */
export function keepWritten(): { all(): unknown[]; during(work: () => unknown): unknown[] } {
  let written = [] as unknown as sinon.SinonStub;
  beforeEach(() => {
    written = sinon.stub(console, 'error');
  });
  afterEach(() => written.restore());
  const all = (): unknown[] => written.args.flat();
  return {
    all,
    during(work) {
      const before = all().length;
      work();
      return all().slice(before);
    },
  };
}
