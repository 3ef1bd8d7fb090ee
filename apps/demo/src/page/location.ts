import { useSyncExternalStore } from 'react'

const listeners = new Set<() => void>()

function tell(): void {
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  window.addEventListener('popstate', listener)
  return () => {
    listeners.delete(listener)
    window.removeEventListener('popstate', listener)
  }
}

/** The path of the page, as it changes. */
export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname)
}

export function goTo(path: string): void {
  history.pushState(null, '', path)
  window.scrollTo(0, 0)
  tell()
}

/** A change of user begins with a fresh page: nothing of the one before stays in memory. */
export function startOver(path: string): void {
  location.assign(path)
}
