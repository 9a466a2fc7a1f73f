/** The CPU time that is not compared, in µs. In quadratic time, a long text takes seconds. */
const negligible = 100_000;

/** Texts that patterns with quadratic time are slow with: something is repeated, and the end does not match. */
const repeated = [
  ...Array.from('/\\ \'"`()[]{}<>|-_:;,.@*%&=0a\n\r\t\0\u001b\u202e\u0301\u00e9監'),
  ...[
    '\r\n',
    '\n}',
    '\u001b[',
    '\u001b[0',
    '\u001b]',
    '\u001b]a',
    '\\u0000',
    '👩‍',
    '1s',
    '1,',
    '/1',
    ':1',
    '- ',
    '(a)',
    'w: ',
  ],
  ...['Error: ', 'file:///', 'connection ', 'ended for good after 1 restart within ', '    at '],
];

function hostileTexts(length: number): string[] {
  // Frames that all differ: Node compares the stack of an error with that of its cause.
  const frames = Array.from({ length: length / 25 }, (_, line) => `\n    at f (/app.js:${line}:1)`).join('');
  const texts = [...repeated.map((part) => part.repeat(length / part.length)), frames];
  // Each alone, and within a line of a stack.
  return texts.flatMap((text) => [text, `Error: x\n    at f (/${text}x`]);
}

/**
 * Returns the text for which a function takes more than linear time, with what it begins. The time is that of the
 * processor, which does not depend on how busy the machine is.
 */
export function slowText(read: (text: string) => unknown, length = 100_000): string | undefined {
  const isSlow = (text: string) => {
    let timeBefore = Infinity;
    // The short texts come first: in quadratic time, the long one may take minutes.
    for (const part of [64, 8, 1]) {
      const time = cpuTime(() => read(text.slice(0, text.length / part)));
      // In quadratic time, it would be 64 times as long.
      if (time > negligible && time > 32 * timeBefore) return true;
      timeBefore = time;
    }
    return false;
  };
  // Three times, because a garbage collection also takes time.
  return hostileTexts(length)
    .find((text) => isSlow(text) && isSlow(text) && isSlow(text))
    ?.slice(0, 80);
}

/** Returns the time that a function took, also if it has thrown, in µs. */
export function cpuTime(run: () => unknown): number {
  const before = process.cpuUsage();
  try {
    run();
  } catch (error) {
    // A text that is refused has been read, too.
    if (!(error instanceof Error) || !error.message.startsWith('Expected ')) throw error;
  }
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
