import { expect } from 'chai';
import { compileProgram } from '../helpers/compile-program.js';
import { Program } from '../helpers/program.js';
import { screenOf } from '../helpers/screen.js';
import { waitUntil } from '../helpers/wait.js';

const fixture = compileProgram('spec/fixtures/app.ts');

/** Returns the environment without the variables that decide about colours. */
function environment(variables: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => name !== 'NO_COLOR' && name !== 'FORCE_COLOR');
  return { ...Object.fromEntries(inherited), TERM: 'xterm', ...variables };
}

function start(name: string): Program {
  return new Program(process.execPath, [fixture, name], environment());
}

/** Starts a program on a terminal without an echo. Both of its streams arrive as stdout. */
function startOnTerminal(
  name: string,
  { columns = 80, rows = 24, env = {} }: { columns?: number; rows?: number; env?: NodeJS.ProcessEnv } = {},
): Program {
  const size = `stty cols ${columns} rows ${rows} -echo`;
  const command = `${size}; exec ${process.execPath} ${fixture} '${name}'`;
  return new Program('script', ['-qec', command, '/dev/null'], environment(env));
}

const textOn = ({ stdout }: { readonly stdout: string }) => screenOf(stdout).join('\n');
/** The start of a synchronized drawing. */
const drawingStart = '\u001b[?2026h';
const ctrlC = '\x03';

describe('terminal', () => {
  it('draws a running application in place, and leaves the last drawing', async () => {
    const program = startOnTerminal('ui: live');
    await program.waitFor('last word');
    await waitUntil(() => /worker {2}[░━]+ +running/.test(textOn(program)));
    await waitUntil(() => program.stdout.split(drawingStart).length > 3);
    program.child.stdin?.write(ctrlC);
    const result = await program.ended;
    expect(result.code).to.equal(0);
    const text = textOn(result);
    expect(text.match(/^worker /gm)).to.have.length(1);
    expect(text)
      .to.match(/worker +[░━!▒■]+ +cancelled/)
      .and.include('┊ cancelled: SignalError: Received SIGINT');
    expect(result.stdout).to.not.include('\u001b[?25l');
  });

  it('keeps the other output of the process intact', async () => {
    const program = startOnTerminal('ui: live');
    await program.waitFor('last word');
    program.child.stdin?.write(ctrlC);
    const lines = screenOf((await program.ended).stdout);
    const others = lines.filter((line) => /^(initialize|up|early|in two|parts|last word|finalize)/.test(line));
    expect(others).to.deep.equal(['initialize', 'up', 'early', 'in two parts', 'last word', 'finalize', 'finalized']);
  });

  it('fits a small window', async () => {
    const size = { columns: 30, rows: 5 };
    const program = startOnTerminal('ui: live', size);
    await program.waitFor('last word');
    program.child.stdin?.write(ctrlC);
    const { stdout, code } = await program.ended;
    expect(code).to.equal(0);
    expect(screenOf(stdout, size).filter((line) => line.startsWith('2 tasks'))).to.have.length(1);
  });

  it('leaves the last drawing when the process exits', async () => {
    const program = startOnTerminal('ui: live, exit');
    await waitUntil(() => /^worker +[░━]+ +running/m.test(textOn(program)));
    program.child.stdin?.write('\n');
    const { code, stdout } = await program.ended;
    expect(code).to.equal(7);
    expect(textOn({ stdout }).match(/^worker +[░━]+ +running/gm)).to.have.length(1);
    expect(stdout.endsWith('\n')).to.equal(true);
  });

  it('lets an uncaught error through above the drawing', async () => {
    const program = startOnTerminal('ui: live, uncaught');
    await waitUntil(() => /^worker +[░━]+ +running/m.test(textOn(program)));
    program.child.stdin?.write('\n');
    const result = await program.ended;
    expect(result.code).to.equal(1);
    const text = textOn(result);
    expect(text)
      .to.include('Error: uncaught\n    at ')
      .and.match(/^worker +[░━!▒■]+ +cancelled/m);
    expect(text.match(/^worker /gm)).to.have.length(1);
  });

  it('writes lines where there is no terminal, and on a dumb one', async () => {
    const { stderr, code } = await start('ui: true').ended;
    expect(code).to.equal(1);
    expect(stderr).to.include('failed         failing execute: boom').and.not.include('\u001b[');
    const dumb = await startOnTerminal('ui: true', { env: { TERM: 'dumb' } }).ended;
    expect(dumb.stdout).to.include('failed         failing execute: boom').and.not.include('\u001b[');
  });

  it('does nothing before an application starts, and does not keep the process alive', async () => {
    const { code, stdout, stderr } = await start('ui: lines, nothing else').ended;
    expect([code, stdout, stderr]).to.deep.equal([0, 'made\n', '']);
  });
});

describe('runMain with a ui', () => {
  it('writes a failure once, with its cause', async () => {
    const { code, stderr, stdout } = await start('ui: lines').ended;
    expect(code).to.equal(1);
    expect(stderr.match(/ ← Error: root/g)).to.have.length(1);
    expect(stderr.match(/\n {4}at /g)).to.equal(null);
    expect(stderr).to.match(/shutdown {7}not clean, in \d+ ms: 1 failed, 1 cancelled\n$/);
    expect(stdout).to.include('listeners 0,0,0,0');
  });

  it('writes all lines of a program that ends at once', async () => {
    const { code, stderr } = await start('ui: lines, ends at once').ended;
    expect(code).to.equal(0);
    expect(stderr.split('\n').map((line) => line.replace(/^\S+ /, ''))).to.deep.equal([
      'ready          short',
      'completed      short',
      'shutdown       clean: 1 completed',
      '',
    ]);
  });

  it('keeps the exit code of a program that exits as soon as the report is there', async () => {
    expect((await start('ui: lines, exits when it has ended').ended).code).to.equal(1);
  });

  it('writes all lines before a forced exit', async () => {
    const { code, stderr } = await start('ui: lines, exits at once').ended;
    expect(code).to.equal(1);
    expect(stderr).to.match(
      /shutdown .*not ended: hanging\nExiting with 1, because tasks did not end within 0 ms of the cancel/,
    );
  });

  it('writes JSON to stdout', async () => {
    const { stdout, stderr } = await start('ui: json').ended;
    const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
    expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).to.include.members(['done', 'shutdown']);
    expect(stderr).to.equal('');
  });
});
