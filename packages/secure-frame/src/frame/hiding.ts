import type { Showing } from '@lunadefend/contract/frame-messages'

/**
 * Calls `hide` once: when the time is over, or, where that is asked for, when the user looks at something else.
 * @returns what makes it forget
 */
export function hideLater({ hideAfter, hideOnLeave }: Showing, hide: () => void): () => void {
  const over = new AbortController()
  const { signal } = over
  const end = (): void => {
    over.abort()
    hide()
  }
  if (hideAfter !== undefined) {
    const due = Date.now() + hideAfter * 1000
    const timer = setTimeout(end, hideAfter * 1000)
    signal.addEventListener('abort', () => clearTimeout(timer))
    // A machine that was asleep has not counted.
    listen('visibilitychange', () => document.hidden || Date.now() < due || end())
  }
  if (hideOnLeave === true) {
    listen('visibilitychange', () => !document.hidden || end())
    window.addEventListener('blur', end, { signal })
  }
  return () => over.abort()

  function listen(type: string, heard: () => void): void {
    document.addEventListener(type, heard, { signal })
  }
}
