import { runMain } from '@effect/platform-node-shared/NodeRuntime';
import * as Effect from 'effect/Effect';
import * as Layer from 'effect/Layer';
import { close, n, open, ready } from './part.js';

const part = () => Layer.effectDiscard(Effect.acquireRelease(Effect.promise(open), () => Effect.promise(close)));
const parts = Layer.mergeAll(...Array.from({ length: n }, part));
runMain(Layer.launch(Layer.effectDiscard(Effect.sync(ready)).pipe(Layer.provide(parts))));
