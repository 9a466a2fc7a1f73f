// A program of works/exit.js: `node idle.js <contender> <n>` starts n idle parts and prints a line.
import { contenders } from './works/exit.js';

const [contender, n] = process.argv.slice(2);
await contenders[contender](Number(n));
console.log('up');
