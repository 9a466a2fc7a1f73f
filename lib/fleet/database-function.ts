import { jobsSchema } from './schema-names.js';

/** The suffix of the functions. Increase it with every change: several versions of this library may share a schema. */
const revision = 5;

/**
 * Settings of the functions. An index leads to every row that they read, so no state of the statistics, such as that of
 * a table which was never analyzed, may make the planner read and sort other rows. The server keeps their plans. Before
 * version 18, a server takes a plan with such a method for so expensive that it compiles it in each call.
 */
const settings = [
  'jit',
  ...['seqscan', 'bitmapscan', 'sort', 'hashjoin', 'mergejoin'].map((method) => `enable_${method}`),
]
  .map((setting) => `set ${setting} = off`)
  .join(' ');

/** Matches the beginning of a statement that calls a function. */
const calls = new RegExp(`^(?:select [^(]* from|call) "[^"]+"\\.(\\w+_${revision})\\(`);

/** A function in the database. */
export interface DatabaseFunction {
  readonly name: string;
  readonly parameters: string;
  /** Undefined for a procedure, which may commit, and therefore has no settings. */
  readonly returns: string | undefined;
  /** Whether a crash of the server may undo its last calls. */
  readonly volatileCommit: boolean;
  /** Whether the server keeps the plan, because it suits every size of the table. */
  readonly keepsPlan: boolean;
  /** The variables and statements of the function. */
  readonly body: (jobs: string, schema: string) => string;
}

/** Returns the body of a function that is one statement. */
export function returnQuery(statement: DatabaseFunction['body']): DatabaseFunction['body'] {
  return (jobs, schema) => `begin return query ${statement(jobs, schema)}; end`;
}

/** Returns the name of a function in a schema. */
export function functionName(schema: string, { name }: DatabaseFunction): string {
  return `"${schema}".${name}_${revision}`;
}

/** Returns the name of the function that a statement calls, if it does nothing else. */
export function calledFunction(sql: string): string | undefined {
  return calls.exec(sql)?.[1];
}

/** Returns the signature of a function, to check whether it exists. */
export function signatureOf(schema: string, called: DatabaseFunction): string {
  const types = called.parameters.split(', ').map((parameter) => parameter.split(' ').at(-1));
  return `${functionName(schema, called)}(${types.join(', ')})`;
}

/** Returns the statement that creates a function, or replaces it. */
export function createFunction(schema: string, created: DatabaseFunction): string {
  const { parameters, returns, volatileCommit, keepsPlan, body } = created;
  const signature = `${functionName(schema, created)}(${parameters})`;
  const head =
    returns === undefined
      ? `procedure ${signature} language plpgsql`
      : `function ${signature} returns ${returns} language plpgsql
  ${settings} set plan_cache_mode = force_${keepsPlan ? 'generic' : 'custom'}_plan`;
  return `
  create or replace ${head} as $function$
  #variable_conflict use_column
  begin
    ${volatileCommit ? "perform set_config('synchronous_commit', 'off', true);" : ''}
    ${body(jobsSchema(schema), schema)};
  end $function$;`;
}
