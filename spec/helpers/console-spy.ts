import sinon from 'sinon';

/** Calls a function, and returns what is written with `console.error` until its end. */
export async function writtenDuring(action: () => unknown): Promise<unknown[]> {
  const stub = sinon.stub(console, 'error');
  try {
    await action();
    return stub.args.flat() as unknown[];
  } finally {
    stub.restore();
  }
}

/** Replaces `console.error` in each spec of the suite it is called in, and records its arguments. */
export function spyOnConsoleError(): { all(): unknown[]; during(action: () => unknown): unknown[] } {
  let stub = [] as unknown as sinon.SinonStub;
  beforeEach(() => {
    stub = sinon.stub(console, 'error');
  });
  afterEach(() => stub.restore());
  const all = (): unknown[] => stub.args.flat();
  return {
    all,
    during(action) {
      const before = all().length;
      action();
      return all().slice(before);
    },
  };
}
