/** The program of one API process of `dent serve --processes`, which starts it. */
import { runApiProcess } from '../app/processes/api-process.ts';
import { createLog } from './log.ts';

await runApiProcess(createLog);
