import { allClosed, ready } from './part.js';

process.on('SIGTERM', () => {
  allClosed();
  process.exit();
});
setInterval(() => {}, 1000);
ready();
