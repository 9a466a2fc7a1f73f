import { runMain, task } from '../../dist/index.js';
import { close, n, open, ready } from './part.js';

const app = runMain(Array.from({ length: n }, (_, i) => task(`part ${i}`, { initialize: open, finalize: close })));
app.ready$.subscribe((isReady) => isReady && ready());
