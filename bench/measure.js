// One contender of one work at one size, in a process of its own: `node --expose-gc measure.js <work> <contender> <n>`
// prints the figure, or an object of several, as JSON.
const [work, contender, n] = process.argv.slice(2);
const { measure } = await import(`./works/${work}.js`);
console.log(JSON.stringify(await measure(contender, Number(n))));
// Timers and handles that a contender leaves behind must not delay the next one.
process.exit();
