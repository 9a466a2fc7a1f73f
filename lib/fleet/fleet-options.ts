import { hostname } from 'node:os';
import { hintFor, readKnown, unknownOption, type OtherNames } from '../util/validate-options.js';
import type { PgConnectionOptions, PgPool } from './pg-types.js';
import { parseServerUrl } from './server-url.js';

/** Options of {@link connectFleet}: the database of the fleet, and the use that this process makes of it. */
export interface FleetOptions {
  /** The URL of a PostgreSQL server, such as `postgres://user:password@host:5432/database`. */
  url?: string | undefined;
  /** Instead of a `url`: a `pg.Pool` of the application. It stays open, and its sessions keep their settings. */
  pool?: PgPool | undefined;
  /** Instead of a `url`: options of node-postgres, such as `ssl`, or a function that returns the current `password`. */
  connection?: PgConnectionOptions | undefined;
  /** Instead of a `url`: the directory of an embedded database, for this process alone. */
  directory?: string | undefined;
  /**
   * The URL for the connection that listens, if the other ones lead through a connection pooler. What it leaves out of
   * the user and the password is taken from `connection`.
   */
  listenUrl?: string | undefined;
  /** The schema of the fleet's tables. pg-boss's tables are in `<schema>_jobs`. Default: `rxjs_tasks`. */
  schema?: string | undefined;
  /** The name of this process in events and on the inspector's page. Default: `<host>:<pid>`. */
  name?: string | undefined;
  /**
   * Time limit for the first connection, in ms: one that is refused or not answered is tried again. A wrong password,
   * role or database fails at once. Default: 10,000.
   */
  connectTimeout?: number | undefined;
  /** Maximum number of connections of this process, besides the one that listens. Default: 4. Not with a `pool`. */
  connections?: number | undefined;
  /** The time without a heartbeat after which a process has lost its jobs, in ms. Default and minimum: 10,000. */
  heartbeat?: number | undefined;
  /**
   * Whether to create the tables, or update them to this version of the library. Without it the role needs no right to
   * create anything, and {@link installFleet} must have done so. Default: true.
   */
  migrate?: boolean | undefined;
}

/** The places that a fleet's database can be in. */
const places = ['url', 'pool', 'connection', 'directory'] as const;
const optionNames = [
  ...places,
  'listenUrl',
  'schema',
  'name',
  'connectTimeout',
  'connections',
  'heartbeat',
  'migrate',
] as const satisfies readonly (keyof FleetOptions)[];

/** The place of the database. */
export type FleetPlace =
  | { readonly url: URL }
  | { readonly pool: PgPool }
  | { readonly connection: PgConnectionOptions }
  | { readonly directory: string };

/** {@link FleetOptions} with all defaults filled in. */
export interface ResolvedFleetOptions {
  readonly place: FleetPlace;
  readonly listenUrl: URL | undefined;
  readonly schema: string;
  readonly name: string;
  readonly connectTimeout: number;
  readonly connections: number;
  readonly heartbeat: number;
  readonly migrate: boolean;
}

/** Validates options. Their errors quote numbers alone: any text may be a URL with a password, in the wrong place. */
export function readFleetOptions(options: FleetOptions): ResolvedFleetOptions {
  validateKeys(options, optionNames, 'connectFleet');
  const given = readKnown(options, optionNames);
  const {
    listenUrl,
    schema = defaultSchema,
    name = `${hostname()}:${process.pid}`,
    connectTimeout = 10_000,
    connections = 4,
    heartbeat = 10_000,
    migrate = true,
  } = given;
  const place = readPlace(given, options);
  validateSchema(schema);
  const isName = typeof name === 'string' && name.length <= maxName && !/\p{Cc}/u.test(name);
  validate(isName, 'name', `up to ${maxName} characters, without control characters`, name, 'string');
  validateRange('connectTimeout', 0, Infinity, connectTimeout);
  validateRange('connections', 1, 100, connections, Number.isInteger);
  validateRange('heartbeat', 10_000, 3_600_000, heartbeat);
  validate(typeof migrate === 'boolean', 'migrate', 'a boolean', migrate);
  const isServer = !('directory' in place);
  validate(isServer || listenUrl === undefined, 'listenUrl', 'absent with a `directory`', listenUrl);
  const ownsPool = !('pool' in place);
  validate(ownsPool || given.connections === undefined, 'connections', 'absent with a `pool`', connections);
  return {
    place,
    listenUrl: listenUrl === undefined ? undefined : parseServerUrl('listenUrl', listenUrl),
    schema,
    name,
    connectTimeout,
    connections,
    heartbeat,
    migrate,
  };
}

const otherNames: OtherNames = {
  connectionString: 'url',
  host: 'connection',
  user: 'connection',
  password: 'connection',
  database: 'connection',
  ssl: 'connection',
};

export const defaultSchema = 'rxjs_tasks';
const maxName = 200;

export function validateSchema(schema: unknown): void {
  const isSchema = typeof schema === 'string' && /^[a-z_][a-z0-9_]{0,39}$/.test(schema);
  validate(isSchema, 'schema', 'up to 40 lower-case letters, digits and `_`', schema, 'string');
}

/** Accepts an object whose keys are all known. The error names the known keys alone. */
export function validateKeys(options: unknown, known: readonly string[], of: string): void {
  // Most likely a URL, which may have a password.
  validate(typeof options === 'object' && options !== null, 'options', 'an object such as `{ url }`', options);
  const unknown = Object.keys(options as object).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new TypeError(unknownOption(of, 'another name', known, hintFor(unknown, known, otherNames)));
}

function readPlace(options: FleetOptions, original: object): FleetPlace {
  const given = places.filter((place) => options[place] !== undefined);
  if (given.length !== 1) {
    const empty = places.find((place) => place in original);
    const none = empty === undefined ? 'none of them' : `none of them: \`${empty}\` is undefined`;
    const got = given.length === 0 ? none : `\`${given.join('` and `')}\``;
    throw new TypeError(`Expected \`options\` to have one of \`${places.join('`, `')}\`, got ${got}`);
  }
  const { url, pool, connection, directory } = options;
  if (pool !== undefined) {
    const { query, connect } = Object(pool) as Partial<PgPool>;
    validate(typeof query === 'function' && typeof connect === 'function', 'pool', 'a `pg.Pool`', pool);
    return { pool };
  }
  if (connection !== undefined) {
    validate(Object(connection) === connection, 'connection', 'an object', connection);
    const texts = Object.values(connection).filter((value) => typeof value === 'string');
    if (texts.some((text) => text.includes('\0')))
      throw new RangeError('Expected `connection` to have texts without a NUL');
    if (connection.connectionString !== undefined)
      parseServerUrl('connection.connectionString', connection.connectionString);
    return { connection: { ...connection } };
  }
  if (directory === undefined) return { url: parseServerUrl('url', url) };
  validate(typeof directory === 'string' && directory !== '', 'directory', 'a path', directory, 'string');
  return { directory };
}

function validateRange(
  name: string,
  min: number,
  max: number,
  value: unknown,
  test: (value: unknown) => boolean = () => true,
): void {
  const isValid = typeof value === 'number' && value >= min && value <= max && test(value);
  validate(isValid, name, `a number from ${min} ${max === Infinity ? 'and up' : `to ${max}`}`, value, 'number');
}

/** @param type the type of valid values: one of them is out of range, and any other has a wrong type. */
function validate(isValid: boolean, name: string, expected: string, value: unknown, type?: 'string' | 'number'): void {
  if (isValid) return;
  const kind = typeof value;
  const got =
    kind === 'number'
      ? `\`${String(value)}\` (number)`
      : value === null || value === undefined
        ? String(value)
        : `a value of type ${kind}`;
  const error = kind === type ? RangeError : TypeError;
  throw new error(`Expected \`${name}\` to be ${expected}, got ${got}`);
}
