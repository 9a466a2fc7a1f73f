/** Calls a function with other variables of the environment, and without those that decide about colours. */
export function withEnvironment<T>(variables: Record<string, string>, use: () => T): T {
  const names = ['NO_COLOR', 'FORCE_COLOR', 'TERM'];
  const saved = names.map((name) => [name, process.env[name]] as const);
  try {
    for (const name of names) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, variables);
    return use();
  } finally {
    for (const [name, value] of saved)
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
  }
}
