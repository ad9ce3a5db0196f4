/** A call lost its process twice, or the processes do not start. The call itself may be sound or not. */
export class EngineCrashError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'EngineCrashError';
  }
}
