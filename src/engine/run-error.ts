/** ONNX Runtime could not run a graph on its feeds. The message is its own. */
export class RunError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RunError';
  }
}
