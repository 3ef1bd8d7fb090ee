/**
 * So long after its `beforeunload` a page counts as one that is being left, in milliseconds: longer than most answers to
 * a click take, short enough for who stays, because what came was a download or no content (HTTP 204).
 */
const LEAVING_MS = 10_000

let leftAt = Number.NEGATIVE_INFINITY

function leave(): void {
  leftAt = performance.now()
}

/** From now on it is known when the page is being left. Called again it changes nothing: a listener is added once. */
export function watchLeaving(): void {
  addEventListener('beforeunload', leave)
}

/**
 * Tells now; on a page that is being left only if it is still there later. What fails there is of no interest any more:
 * requests are cut off, the login has ended on the server. And a handler that opens a dialog would stop the page for good
 * where nobody can close it, because the dialog waits for the page and the next page for the dialog.
 */
export function tellWhoStays(tell: () => void): void {
  const rest = leftAt + LEAVING_MS - performance.now()
  if (rest > 0) setTimeout(tell, rest)
  else tell()
}
