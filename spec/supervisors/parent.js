// Forks the application, and does not handle signals.
import { fork } from 'node:child_process';

fork('app.js');
