import { writeFileSync } from 'node:fs';
import { pictures } from './pictures.js';

for (const [file, svg] of await pictures()) writeFileSync(file, svg);
