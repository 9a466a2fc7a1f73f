import type { ListenOptions } from 'node:net';
import { invalid, validateInteger, validateString } from '../util/validate.js';
import { readKnown, validateMembers } from '../util/validate-options.js';

/** A port, the path of a Unix socket, or the options of Node's `server.listen`, of which one is a port, path or fd. */
export type HttpListenOptions =
  number | string | (ListenOptions & { readonly fd?: number | undefined; readonly reusePort?: boolean | undefined });

const listenOptionNames = [
  'port',
  'host',
  'path',
  'fd',
  'backlog',
  'exclusive',
  'ipv6Only',
  'readableAll',
  'reusePort',
  'signal',
  'writableAll',
] as const;

/** Returns the options of `server.listen`, as they are now. */
export function toListenOptions(options: HttpListenOptions): ListenOptions {
  const expected = 'a port, a path, or an object with a `port`, `path` or `fd`';
  // Node, too, takes a number in a string, such as that of an environment variable, for a port.
  if (typeof options === 'number' || (typeof options === 'string' && /^\d+$/.test(options)))
    return toListenOptions({ port: Number(options) });
  if (typeof options === 'string' && options !== '') return { path: options };
  if (typeof options !== 'object' || (options as unknown) === null)
    throw new TypeError(invalid('listenOptions', expected, options));
  validateMembers(options, listenOptionNames, 'listenOptions');
  const read = readKnown(options, listenOptionNames);
  const { port, path, fd, host } = read;
  if (host !== undefined) validateString('host', host);
  if (port !== undefined) validateInteger('port', 0, 65_535, port);
  else if (path !== undefined) validateString('path', path);
  else if (fd !== undefined) validateInteger('fd', 0, Infinity, fd);
  else throw new TypeError(invalid('listenOptions', expected, options));
  return read;
}
