import { readdirSync, readFileSync } from 'node:fs';

/** A TypeScript example of the documentation, and the output that it promises. */
export interface Snippet {
  /** The file and the line: `README.md:12`. */
  readonly location: string;
  readonly code: string;
  /** The text after each `// →`, in order. */
  readonly prints: readonly string[];
}

/** Returns all snippets of the README, of docs/ and of the docstrings in lib/. */
export function snippets(): Snippet[] {
  const files = [
    ...pages(),
    ...readdirSync('lib', { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => `lib/${file}`),
  ];
  return files.flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    return [...text.matchAll(/^( \* )?```ts\n([\s\S]*?)^(?: \* )?```$/gm)].map((match) => {
      const code = (match[2] ?? '').replaceAll(/^ \* ?/gm, '');
      const line = text.slice(0, match.index).split('\n').length;
      return {
        location: `${file}:${line}`,
        code,
        prints: [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, printed]) => printed ?? ''),
      };
    });
  });
}

/** Returns the modules that snippets import: JavaScript examples that begin with their file name in a comment. */
export function modules(): { file: string; code: string }[] {
  return pages().flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/^```js\n(\/\/ ([\w-]+\.js)\n[^]*?)^```$/gm)].map(
      ([, code = '', file = '']) => ({ file, code }),
    ),
  );
}

function pages(): string[] {
  const docs = readdirSync('docs').filter((file) => file.endsWith('.md'));
  return ['README.md', ...docs.map((file) => `docs/${file}`)];
}
