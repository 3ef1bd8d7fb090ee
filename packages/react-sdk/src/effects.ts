import { type RefObject, useEffect, useLayoutEffect, useRef } from 'react'

/** Before the browser paints; on a server, where effects never run, without React's warning. */
export const useBrowserEffect = typeof window === 'undefined' ? useEffect : useLayoutEffect

/** What was handed over in the latest render, for listeners that stay. */
export function useLatest<T>(value: T): RefObject<T> {
  const latest = useRef(value)
  useBrowserEffect(() => {
    latest.current = value
  })
  return latest
}

/** Handlers by the name of a DOM event. A new handler takes the old one's place; nothing is subscribed again. */
export function useListeners<E extends Event>(
  target: RefObject<EventTarget | null>,
  handlers: { readonly [type: string]: ((event: E) => void) | undefined },
): void {
  const latest = useLatest(handlers)
  const types = Object.keys(handlers).join(' ')
  useBrowserEffect(() => {
    const ended = new AbortController()
    for (const type of types.split(' ')) {
      const listen = (event: Event) => latest.current[type]?.(event as E)
      target.current?.addEventListener(type, listen, { signal: ended.signal })
    }
    return () => ended.abort()
  }, [target, latest, types])
}
