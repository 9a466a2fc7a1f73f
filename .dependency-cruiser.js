/** The layers of lib/: a folder imports only from the folders before it, types included. */
const layers = [
  ['util'],
  ['errors'],
  ['context'],
  ['task'],
  ['future', 'cron', 'supervision', 'group'],
  ['app'],
  ['recording', 'otel', 'threads', 'fleet', 'http'],
  ['testing', 'inspect'],
];
const notBefore = (folder, index) =>
  layers
    .slice(index)
    .flat()
    .filter((other) => other !== folder)
    .join('|');
const layerRules = layers.flatMap((layer, index) =>
  layer.map((folder) => ({
    name: `layer-of-${folder}`,
    severity: 'error',
    from: { path: `^lib/${folder}/` },
    // A dynamic import loads an optional part; it is no dependency between layers.
    to: { path: `^lib/(index.ts$|(${notBefore(folder, index)})/)`, dynamic: false },
  })),
);

export default {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-layer',
      severity: 'error',
      from: { path: '^lib/.*/', pathNot: `^lib/(${layers.flat().join('|')})/` },
      to: {},
    },
    ...layerRules,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Counts imports of types, too.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
