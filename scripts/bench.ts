/** `npm run bench`: measures, in turn and against a yardstick, what must stay fast. Needs a quiet machine. */
import { benchSwap } from '../test/bench/swap.js';

await benchSwap();
