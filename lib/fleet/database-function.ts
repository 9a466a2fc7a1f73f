import { jobsSchema } from './schema-names.js';

/** The suffix of the functions. Increase it with every change: several versions of this library may share a schema. */
const revision = 3;

/**
 * Settings of the functions. An index leads to every row that they read, so no state of the statistics, such as that of
 * a table which was never analyzed, may make the planner read and sort other rows. The server keeps their plans.
 */
const settings = ['seqscan', 'bitmapscan', 'sort', 'hashjoin', 'mergejoin']
  .map((method) => `set enable_${method} = off`)
  .join(' ');

/** A function in the database. */
export interface DatabaseFunction {
  readonly name: string;
  readonly parameters: string;
  readonly returns: string;
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

/** Returns the signature of a function, to check whether it exists. */
export function signatureOf(schema: string, called: DatabaseFunction): string {
  const types = called.parameters.split(', ').map((parameter) => parameter.split(' ')[1]);
  return `${functionName(schema, called)}(${types.join(', ')})`;
}

/** Returns the statement that creates a function, or replaces it. */
export function createFunction(schema: string, created: DatabaseFunction): string {
  const { parameters, returns, volatileCommit, keepsPlan, body } = created;
  return `
  create or replace function ${functionName(schema, created)}(${parameters}) returns ${returns} language plpgsql
  ${settings} set plan_cache_mode = force_${keepsPlan ? 'generic' : 'custom'}_plan as $function$
  #variable_conflict use_column
  begin
    ${volatileCommit ? "perform set_config('synchronous_commit', 'off', true);" : ''}
    ${body(jobsSchema(schema), schema)};
  end $function$;`;
}
