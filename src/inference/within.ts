import { ServiceError } from '../errors.ts';

/** What `work` comes to, or `timeout` at the deadline, milliseconds since the epoch. The work goes on for nobody then. */
export async function within<T>(deadlineMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const onDeadline = () =>
      reject(new ServiceError('timeout', 'The deadline passed before the image was decoded.'));
    timer = setTimeout(onDeadline, Math.max(0, deadlineMs - Date.now()));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
