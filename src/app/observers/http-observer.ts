import type { HttpObserver } from '../../http/index.ts';
import type { Metrics } from '../../metrics/index.ts';

/** Counts what the HTTP room reports. */
export const countRequests = ({ http }: Metrics): HttpObserver => ({
  predictionRoute: http.predictionRoute,
  requestStarted: http.started,
  requestFinished({ error, imageErrors = [], ...response }) {
    http.finished(response);
    if (error !== undefined) http.rejected(error);
    for (const each of imageErrors) http.rejected(each);
  },
});
