/** The symbol of the batch axis in the shapes of a measured graph. */
export const BATCH = 'N';
