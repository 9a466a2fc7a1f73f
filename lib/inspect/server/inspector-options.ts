import { isIP } from 'node:net';
import { invalid, validateArray, validateBoolean, validateInteger, validateString } from '../../util/validate.js';
import { validateOptions } from '../../util/validate-options.js';
import { isLoopback } from './auth.js';
import { validateFleet, type FleetStateSource } from './fleet-state-source.js';

/** Options of `inspector`. */
export interface InspectorOptions {
  /** 0 for any free port. */
  port: number;
  /** Default: `127.0.0.1`, which every user of this machine can reach. A host beyond loopback needs a `token`. */
  host?: string | undefined;
  /**
   * A secret of at least 16 printable characters of ASCII. All requests but those for the page and for the probes need
   * it in the header `Authorization: Bearer …`. The page takes it from its address, `/#token=…` or `/?token=…`, or asks
   * for it, and keeps it in the storage of its tab. There is no cookie.
   */
  token?: string | undefined;
  /**
   * Further names of the server, such as those of a proxy, without a port. A request with another `Host` header is
   * refused. Of a server on loopback, `localhost`, names below it such as `app.localhost`, and loopback addresses are
   * its names anyway, and of any other server all addresses.
   */
  hosts?: readonly string[] | undefined;
  /** The path of the page behind a proxy that passes on whole paths, such as `/debug/tasks`. Default: `/`. */
  basePath?: string | undefined;
  /** The number of events to keep for later clients. Default: 10,000. */
  history?: number | undefined;
  /** A fleet of `connectFleet` of `rxjs-tasks/fleet`. The page then shows its members, queues and crons, too. */
  fleet?: FleetStateSource | undefined;
  /**
   * Whether the application can do without its inspector. If it is `false`, an inspector whose port is taken stops the
   * application, as the failure of any other task does. Default: `true`.
   */
  optional?: boolean | undefined;
  /**
   * Whether the inputs, outputs, progress and failures of the fleet's jobs are shown, which may be personal data.
   * Otherwise they do not leave this process. Default: `false`.
   */
  showData?: boolean | undefined;
  /** Whether the page and `POST /actions` can control tasks and queues. Needs a `token`. Default: `false`. */
  actions?: boolean | undefined;
}

const optionNames: readonly (keyof InspectorOptions)[] = [
  'port',
  'host',
  'token',
  'hosts',
  'basePath',
  'history',
  'fleet',
  'showData',
  'optional',
  'actions',
];

/** The options of an inspector, with their defaults. */
export interface InspectorSettings {
  readonly port: number;
  readonly host: string;
  readonly token: string | undefined;
  readonly hosts: readonly string[];
  /** Without a slash at its end. */
  readonly basePath: string;
  readonly history: number;
  readonly fleet: FleetStateSource | undefined;
  readonly showData: boolean;
  readonly optional: boolean;
  readonly actions: boolean;
}

/** Validates the options of an inspector, and reads each once. */
export function readInspectorOptions(options: InspectorOptions): InspectorSettings {
  validateOptions(options, optionNames, 'inspector');
  const { port, host = '127.0.0.1', token, hosts = [], history = 10_000, fleet, actions = false } = options;
  const { basePath = '/', optional = true, showData = false } = options;
  validateInteger('port', 0, 65_535, port);
  validateString('host', host);
  if (host === '') throw new RangeError(invalid('host', 'an address such as 127.0.0.1', host));
  validateArray('hosts', hosts);
  for (const name of hosts) validateHostName(name);
  validateInteger('history', 1, Infinity, history);
  if (fleet !== undefined) validateFleet(fleet);
  validateBoolean('showData', showData);
  validateBoolean('actions', actions);
  validateBoolean('optional', optional);
  if (token !== undefined) validateToken(token);
  else if (actions) throw new TypeError(invalid('token', 'a string, because there are `actions`', token));
  else if (!isLoopback(host)) throw new TypeError(invalid('token', `a string, because ${host} is not loopback`, token));
  return { port, host, token, hosts, basePath: toBasePath(basePath), history, fleet, showData, optional, actions };
}

/** Accepts a name that a `Host` header can have. With a port or a scheme it would match none. */
function validateHostName(name: unknown): void {
  validateString('hosts', name);
  if (isIP(name as string) === 0 && !/^[\w.-]+$/.test(name as string))
    throw new RangeError(invalid('hosts', 'made of names without a port such as `ops.example.com`', name));
}

/** Returns the path without the slash at its end. */
function toBasePath(path: string): string {
  validateString('basePath', path);
  // A browser resolves `.` and `..`.
  if (!/^\/(?:(?!\.{1,2}(?:\/|$))[\w.~-]+(?:\/|$))*$/.test(path))
    throw new RangeError(
      invalid('basePath', 'a path of letters, digits, `.`, `_`, `~` and `-` such as `/debug`', path),
    );
  return path.replace(/\/$/, '');
}

function validateToken(token: unknown): void {
  validateString('token', token);
  if ((token as string).length < 16) throw new RangeError(invalid('token', 'at least 16 characters long', '…'));
  // Others cannot be in a header, and spaces at its ends are no part of it.
  if (!/^[!-~][ -~]*[!-~]$/.test(token as string))
    throw new RangeError(invalid('token', 'made of printable characters of ASCII', '…'));
}
