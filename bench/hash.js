// Called in threads by the benchmark `threads`.
import { pbkdf2Sync } from 'node:crypto';

export default ({ password, rounds }) => pbkdf2Sync(password, 'salt', rounds, 32, 'sha256').toString('hex');
