import { writeFileSync } from 'node:fs';
import { inspectorPictures } from './inspector.js';
import { pictures } from './pictures.js';

for (const [file, svg] of await pictures()) writeFileSync(file, svg);
for (const [file, png] of await inspectorPictures()) writeFileSync(file, png);
