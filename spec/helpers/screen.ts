interface ScreenSize {
  readonly columns?: number;
  readonly rows?: number;
}

/** Returns the lines on a terminal after a text was written to it. Supports the library's escape sequences only. */
export function screenOf(written: string, { columns = 80, rows = 24 }: ScreenSize = {}): string[] {
  const lines = [''];
  let top = 0;
  let row = 0;
  let column = 0;
  const put = (char: string) => {
    if (column >= columns) [row, column] = [row + 1, 0];
    scroll();
    lines[row] = (lines[row] ?? '').padEnd(column).slice(0, column) + char + (lines[row] ?? '').slice(column + 1);
    column++;
  };
  const scroll = () => {
    while (lines.length <= row) lines.push('');
    top = Math.max(top, row - rows + 1);
  };
  // eslint-disable-next-line no-control-regex
  for (const [token, , argument = '', command] of written.matchAll(/(\u001b\[([?\d]*)([A-Za-z]))|[\s\S]/gu)) {
    const count = Number(argument || 1);
    if (command === 'A') row = Math.max(top, row - count);
    else if (command === 'C') column = Math.min(columns - 1, column + count);
    else if (command === 'J') {
      lines[row] = (lines[row] ?? '').slice(0, column);
      lines.splice(row + 1);
    } else if (command === 'm' || argument === '?2026') continue;
    else if (command) throw new Error(`Unknown escape sequence: ${JSON.stringify(token)}`);
    else if (token === '\n')
      // A terminal's driver writes `\r\n` for `\n`.
      [row, column] = [row + 1, 0];
    else if (token === '\r') column = 0;
    else put(token);
    scroll();
  }
  return lines.map((line) => line.trimEnd());
}
