/**
 * A plugin of rollup that lets bundlers remove classes. To them, a class with a static block or a computed key has side
 * effects, and stays in the bundle of a program that does not use it. The value of a pure function does not.
 */
export const pureClasses = {
  name: 'pure-classes',
  transform(code) {
    const classes = this.parse(code)
      .body.map((statement) => statement.declaration ?? statement)
      .filter(({ type, body }) => type === 'ClassDeclaration' && body.body.some(hasEffect));
    // The lines stay the same, and with them the source map.
    return { code: classes.reduceRight(toPureValue, code), map: null };
  },
};

function hasEffect({ type, computed }) {
  return type === 'StaticBlock' || computed;
}

function toPureValue(code, { start, end, id: { name } }) {
  const [before, text, after] = [code.slice(0, start), code.slice(start, end), code.slice(end)];
  return `${before}const ${name} = /* @__PURE__ */ (() => { ${text} return ${name}; })();${after}`;
}
